"""A run that is dead holds nobody up: whoever asks for a compile closes it and gets another."""

import os
import subprocess
import sys
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import msgspec
import pytest

from compiler.runs import RECORD_LABEL, RunRecord
from compiler.runtime import Runtime, open_runtime
from rlm_context.hooks.trigger import decide
from rlm_context.hooks.trigger.dead import PATIENCE
from rlm_context.hooks.trigger.remote import Remote
from store.keys import run_key
from store.machine import machine
from tests.hooks.trigger.prefect_stub import Stub, prefect_stub

PROJECT = "acme/tide"
OTHER = "acme/reef"
LONG = PATIENCE + timedelta(minutes=1)


@pytest.fixture
def stub(home: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Stub]:
    """The user's Prefect server."""
    with prefect_stub() as server:
        monkeypatch.setenv("PREFECT_API_URL", server.url)
        yield server


@pytest.fixture
def runtime(home: Path) -> Runtime:
    return open_runtime()


@pytest.fixture
def prefect(stub: Stub, runtime: Runtime) -> Remote:
    """What a hook's worker asks."""
    remote = decide.remote_of(runtime)
    assert remote is not None
    return remote


@pytest.mark.parametrize("state", ["PENDING", "RUNNING", "CANCELLING"])
def test_a_run_left_behind_makes_room(stub: Stub, prefect: Remote, state: str) -> None:
    """It never told its record's key, and has been in its state for long: it crashed, and another one begins."""
    left = prefect.ask(PROJECT, "none", None)
    stub.move(state, PATIENCE - timedelta(minutes=1))
    assert prefect.ask(PROJECT, "none", None).run == left.run
    assert not prefect.has_ended(PROJECT, left.run)
    stub.move(state, LONG)
    asked = prefect.ask(PROJECT, "none", None)
    assert (asked.run == left.run, asked.state, asked.attempt) == (False, "waiting", 1)
    assert stub.runs[f"compile:{PROJECT}:none:0"]["state_type"] == "CRASHED"


def test_who_waits_for_its_end_is_told(stub: Stub, prefect: Remote) -> None:
    """A worker that looks again when the run ends need not wait for one that never will."""
    run = prefect.ask(PROJECT, "none", None).run
    stub.move("RUNNING", LONG)
    assert prefect.has_ended(PROJECT, run)


def record_of(stub: Stub, runtime: Runtime, process: int, where: str, seconds: float = 60) -> None:
    """The record that the first run keeps in the store, and the label that says so."""
    record = RunRecord(
        id=f"{1:013d}-00000000", project=PROJECT, trigger="on-session-end", started=1, seen=1,
        seconds=seconds, machine=where, process=process,
    )  # fmt: skip
    key = run_key(PROJECT, record.id)
    runtime.store.put(key, msgspec.json.encode(record))
    stub.runs[f"compile:{PROJECT}:none:0"]["labels"] = {RECORD_LABEL: key}


def test_a_compile_that_takes_long_is_left_alone(stub: Stub, runtime: Runtime, prefect: Remote) -> None:
    """Its process is there, whether it waits for its turn, holds the lease of its project, or gave that back; once it
    is not, it is dead."""
    run = prefect.ask(PROJECT, "none", None).run
    stub.move("RUNNING", LONG)
    record_of(stub, runtime, os.getpid(), machine())
    assert prefect.ask(PROJECT, "none", None).run == run
    assert not prefect.has_ended(PROJECT, run)
    ended = subprocess.Popen([sys.executable, "-c", ""])
    ended.wait()
    record_of(stub, runtime, ended.pid, machine(), seconds=LONG.total_seconds())
    assert prefect.ask(PROJECT, "none", None).run != run


@pytest.mark.parametrize(("unheard", "lives"), [(timedelta(minutes=5), True), (LONG, False)])
def test_one_elsewhere_lives_while_it_says_so(
    stub: Stub, runtime: Runtime, prefect: Remote, unheard: timedelta, lives: bool
) -> None:
    """Its machine's clock says 1970; how long it had run when it last wrote its record is what counts."""
    run = prefect.ask(PROJECT, "none", None).run
    stub.move("RUNNING", 3 * LONG)
    record_of(stub, runtime, 1, "00000000", (3 * LONG - unheard).total_seconds())
    assert (prefect.ask(PROJECT, "none", None).run == run) is lives


def test_who_has_another_store_closes_no_live_run(stub: Stub, runtime: Runtime, prefect: Remote) -> None:
    """The record is where the run compiles: that it is not here says nothing."""
    run = prefect.ask(PROJECT, "none", None).run
    stub.move("RUNNING", LONG)
    record_of(stub, runtime, 1, "00000000")
    runtime.store.delete(stub.runs[f"compile:{PROJECT}:none:0"]["labels"][RECORD_LABEL])
    assert prefect.ask(PROJECT, "none", None).run == run


def test_a_heartbeat_is_a_sign_of_life(stub: Stub, prefect: Remote) -> None:
    """Of one that takes long to begin, and says nothing else yet; a server that shows no events has had none."""
    run = prefect.ask(PROJECT, "none", None).run
    stub.move("RUNNING", LONG)
    stub.heartbeats[run] = datetime.now(UTC)
    assert prefect.ask(PROJECT, "none", None).run == run
    stub.heartbeats.clear()
    shown = stub.answer
    stub.answer = lambda path, body: (404, {}) if "events" in path else shown(path, body)  # type: ignore[method-assign]  # a stub
    assert prefect.ask(PROJECT, "none", None).run != run


@pytest.mark.parametrize("label", ["runs/../store.json", "store.json", "runs/a/b/c", "", 7])
def test_a_label_may_say_anything(stub: Stub, prefect: Remote, label: object) -> None:
    """Whoever may write to the server may label its runs: what is no record of ours is not read."""
    run = prefect.ask(PROJECT, "none", None).run
    stub.move("RUNNING", LONG)
    stub.runs[f"compile:{PROJECT}:none:0"]["labels"] = {RECORD_LABEL: label}
    assert prefect.ask(PROJECT, "none", None).run == run


def test_runs_of_other_projects_free_their_places(stub: Stub, prefect: Remote) -> None:
    """What is dead holds a place under the deployment's limit, also where nobody asks for its project any more."""
    prefect.ask(OTHER, "none", None)
    stub.move("RUNNING", LONG)
    prefect.ask(PROJECT, "none", None)
    assert stub.runs[f"compile:{OTHER}:none:0"]["state_type"] == "CRASHED"


@pytest.mark.parametrize(("since", "state"), [(LONG, "RUNNING"), (timedelta(days=1, hours=1), "CRASHED")])
def test_a_night_may_take_a_day(stub: Stub, prefect: Remote, since: timedelta, state: str) -> None:
    """What is no compile keeps no record: only after a day nobody waits for it any more."""
    prefect.ask(OTHER, "none", None)
    stub.runs[f"compile:{OTHER}:none:0"] |= {"flow_id": "f-2", "parameters": {"max_usd": None}}
    stub.move("RUNNING", since)
    prefect.ask(PROJECT, "none", None)
    assert stub.runs[f"compile:{OTHER}:none:0"]["state_type"] == state
