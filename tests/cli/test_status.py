"""`status` on a store that several people share."""

import asyncio
import fcntl
import json
import os
import re
import shutil
import time
from pathlib import Path

import msgspec
import pytest

from compiler.copies import compiled_copies
from compiler.report import ProjectReport
from compiler.reporting.gather import gather
from compiler.runs import RunRecord, recorded
from compiler.runtime import open_runtime
from compiler.turn import compile_lease
from compiler.uploading.upload import upload
from flows.server_process import try_lock
from flows.up import UP_LOCK
from store import leases
from store.batches import new_record
from store.keys import run_key
from store.machine import machine
from store.registry import open_store
from tests.cli.helpers import rlm
from tests.cli.shapes import SHAPES, misfits
from tests.synthetic import write_team


@pytest.fixture
def store(direct: Path, home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A team's store: twelve sessions of three people compiled, and the newest left out."""
    monkeypatch.setenv("RLM_CONTEXT_STORE", str(home / "team"))
    source = write_team(tmp_path / "sources", 12)
    last = max(
        source.rglob("*.jsonl"), key=lambda path: json.loads(path.read_text().splitlines()[-1])["timestamp"]
    )
    shutil.move(last, tmp_path / last.name)
    assert rlm("compile", "--source", source, "--project", "shop").code == 0
    shutil.move(tmp_path / last.name, last)
    return home / "team"


def upload_rest(source: Path) -> None:
    """Upload without compiling."""
    assert len(upload(open_runtime(), [source], project="shop").new) == 1


async def nothing() -> ProjectReport:
    """A run that does nothing."""
    return ProjectReport(project="shop")


def test_who_uploaded_what(store: Path, tmp_path: Path) -> None:
    """Every author with the newest three sessions, the waiting one marked, and the runs, as JSON and as text."""
    upload_rest(tmp_path / "sources")
    asyncio.run(recorded(open_runtime(), "shop", "command line", nothing))
    document = rlm("status", "--json").document
    assert list(misfits(document, SHAPES["status"])) == []
    (project,) = document["projects"]
    assert sum(author["sessions"] for author in project["authors"]) == 12
    assert {author["author"] for author in project["authors"]} == {"ann", "ben", "cleo"}
    times = [[upload["time"] for upload in author["newest"]] for author in project["authors"]]
    assert all(len(newest) == 3 and newest == sorted(newest, reverse=True) for newest in times)
    assert [newest[0] for newest in times] == sorted((newest[0] for newest in times), reverse=True)
    uploads = [upload for author in project["authors"] for upload in author["newest"]]
    waiting = [upload for upload in uploads if upload["waiting"]]
    assert len(waiting) == project["waiting"] == 1
    assert waiting[0]["title"] == ""
    assert all(upload["title"] for upload in uploads if not upload["waiting"])
    out = rlm("status").out
    assert waiting[0]["session_id"][-8:] in out
    for words in ("ann", "ben", "cleo", "waiting", "completed", "command line", "run of (UTC)"):
        assert words in out


@pytest.mark.parametrize(("machine", "where"), [(None, "this machine"), ("00000000", "another machine")])
def test_who_compiles(store: Path, machine: str | None, where: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """A lease that is held is told, here or elsewhere, and since when; looking takes nothing away."""
    with monkeypatch.context() as patch:
        if machine:
            patch.setattr(leases, "machine", lambda: machine)
        lease = leases.acquire(open_store(str(store)), compile_lease("shop"), 60)
    assert lease is not None
    held = rlm("status", "--json").document["projects"][0]["compiling"]
    assert held == {"since": lease.since, "until": lease.since + 60_000, "is_here": machine is None}
    (line,) = (line for line in rlm("status").out.splitlines() if "being compiled" in line)
    assert line.startswith(f"shop: being compiled on {where} since 20")
    assert re.search(r" UTC, for (\d+ s|1 minute)$", line)
    lease.release()
    assert rlm("status", "--json").document["projects"][0]["compiling"] is None
    assert "being compiled" not in rlm("status").out


def test_how_long_a_run_takes(store: Path) -> None:
    """One under way has been running for a while, of which its record knows the part until its last sign of life."""
    runtime = open_runtime()
    began = int(time.time() * 1000) - 150_000
    record = RunRecord(
        id=f"{began:013d}-00000000", project="shop", trigger="on-session-end", started=began, seen=began + 120_000,
        seconds=120.0, machine=machine(), process=os.getpid(),
    )  # fmt: skip
    runtime.store.put(run_key("shop", record.id), msgspec.json.encode(record))
    run = rlm("status", "--json").document["projects"][0]["runs"][0]
    assert (run["id"], run["state"], run["ended"], run["seconds"] >= 150) == (record.id, "running", 0, True)
    out = rlm("status").out
    assert "running for 2 minutes" in out or "running for 3 minutes" in out  # on a busy machine
    (project,) = gather(runtime, compiled_copies(runtime, "shop")).projects
    assert project.runs[0].seconds >= 150


def test_which_server_compiles_go_to(store: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The configured one is named, without the password in its address; without one nothing is said."""
    assert "Prefect:" not in rlm("status").out
    monkeypatch.setenv("PREFECT_API_URL", "http://ann:secret@127.0.0.1:9/api")
    out = rlm("status").out
    assert "Prefect: http://127.0.0.1:9/api, which you configured\n" in out
    assert "secret" not in out


def test_a_server_that_up_has_still_to_start(store: Path, home: Path) -> None:
    """Somebody serves, and there is no server yet, or no more."""
    folder = home / "rlm-context" / "prefect"
    folder.mkdir(parents=True, exist_ok=True)
    lock = try_lock(folder / UP_LOCK, fcntl.LOCK_EX)
    assert lock is not None
    try:
        assert "Prefect: rlm-context up is starting its server" in rlm("status").out
    finally:
        os.close(lock)


@pytest.mark.parametrize(("usd", "cost"), [(0.25, "$0.2500 at most"), (0.0, "at an unknown price")])
def test_what_a_provider_has(store: Path, usd: float, cost: str) -> None:
    """Calls that a night handed over are told, with how many sessions wait since when and what they cost at most."""
    uploads = {"inbox/shop/ann/a/1-x.json": ("1", "2"), "inbox/shop/ann/b/1-x.json": ("3",)}
    opened = new_record(open_store(str(store)), "shop", "anthropic:small", 3, uploads, usd)
    document = rlm("status", "--json").document
    assert list(misfits(document, SHAPES["status"])) == []
    (batch,) = document["projects"][0]["batches"]
    assert batch == {
        "since": opened.record.since,
        "model": "anthropic:small",
        "calls": 3,
        "sessions": 2,
        "usd": usd,
    }
    out = rlm("status").out
    assert "shop: 2 sessions wait for 3 model calls that a provider has in batches since 20" in out
    assert cost in out


def test_one_person_sees_no_team(small: Path) -> None:
    """Whoever is alone in a store is not told who uploaded what; the document has it all the same."""
    assert "run of (UTC)" not in rlm("status").out
    (author,) = rlm("status", "--json").document["projects"][0]["authors"]
    assert author["newest"]
