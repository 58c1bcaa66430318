"""The app on Modal, deployed and run by the real client against the emulator, whose containers are processes here."""

import asyncio
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import modal
import msgspec
import pytest

from compiler.pipeline import compile_project
from compiler.runs import read_runs
from compiler.runtime import Runtime, open_runtime
from compiler.steps import DirectSteps
from compiler.uploading.upload import upload
from data_models.errors import NotFoundError, SettingsError
from tasks.modal import ModalSteps
from tests.flows.helpers import PATIENT, ROOT, Api
from tests.flows.same import hits, made
from tests.modal_emulator.fixtures import modal_emulator
from tests.modal_emulator.server import Emulator
from tests.synthetic import write_team

__all__ = ["modal_emulator"]

# Prefect leaves the connections of its threads to the garbage collector.
pytestmark = pytest.mark.filterwarnings("ignore:unclosed <socket:ResourceWarning")

APP = "rlm-context"
PROJECT = "acme/shop"
SESSIONS = 24
Command = Callable[..., str]


@pytest.fixture
def command(modal_emulator: Emulator) -> Command:
    """Run `modal ARGUMENTS…` in the checkout; what it prints."""

    def run(*arguments: str) -> str:
        done = subprocess.run(
            [sys.executable, "-m", "modal", *arguments],
            cwd=ROOT,
            capture_output=True,
            text=True,
            check=False,
            timeout=PATIENT,
        )
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout

    return run


@pytest.fixture
def deployed(command: Command, monkeypatch: pytest.MonkeyPatch) -> Runtime:
    """The deployed app and its empty store."""
    command("volume", "create", APP, "--version", "2")
    command("deploy", "-m", "flows.modal_app")
    monkeypatch.setenv("RLM_CONTEXT_STORE", f"modal://{APP}")
    return open_runtime()


def uploaded(runtime: Runtime, folder: Path) -> None:
    upload(runtime, [write_team(folder, SESSIONS)], project=PROJECT)


def test_batches_on_modal_make_what_this_process_makes(
    deployed: Runtime, modal_emulator: Emulator, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Parquet, summaries, texts and the hits of 100 queries are those of a compile without Modal."""
    uploaded(deployed, tmp_path / "team")
    before = modal_emulator.calls["FunctionMap"]
    monkeypatch.setenv("RLM_CONTEXT_RUNNER", "modal")
    away = open_runtime()
    asyncio.run(compile_project(away, PROJECT, ModalSteps(away)))
    assert modal_emulator.calls["FunctionMap"] - before == 2 * 3
    monkeypatch.setenv("RLM_CONTEXT_RUNNER", "local")
    monkeypatch.setenv("RLM_CONTEXT_STORE", str(tmp_path / "here"))
    here = open_runtime()
    uploaded(here, tmp_path / "team")
    asyncio.run(compile_project(here, PROJECT, DirectSteps(here)))
    assert made(away, PROJECT) == made(here, PROJECT)
    assert hits(away, PROJECT) == hits(here, PROJECT)


def call(name: str, *arguments: object, app: str = APP) -> Any:
    """What a function of a deployed app returns."""
    return msgspec.json.decode(modal.Function.from_name(app, name).remote(*arguments))


def test_a_compile_and_a_question_run_there(deployed: Runtime, tmp_path: Path) -> None:
    """Without a Prefect server the compile runs by itself; every run is recorded; nothing new costs nothing."""
    uploaded(deployed, tmp_path / "team")
    [report] = call("compile_all")
    assert report["sessions"]["new"] == SESSIONS
    assert call("compile_all") == []
    assert call("compile", PROJECT)["sessions"]["new"] == 0
    given = call("ask", "why is the cache slow?", PROJECT)
    assert given["citations"]
    assert given["record"] == ""
    runs = read_runs(deployed, PROJECT, 10)
    assert [run.trigger for run in runs] == ["ask, Modal", "Modal", "Modal"]
    assert {run.state for run in runs} == {"completed"}
    with pytest.raises(NotFoundError, match="acme/shop"):
        call("compile", "acme/other")


def test_prefect_sees_a_compile_that_runs_there(
    api: Api, command: Command, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """With a Prefect server named in a secret, the compile is a flow run like any other, its batches are task runs."""
    auth = f"PREFECT_API_AUTH_STRING={api.server.auth}"
    command("secret", "create", "team", f"PREFECT_API_URL={api.server.url}", auth)
    command("volume", "create", "other", "--version", "2")
    monkeypatch.setenv("RLM_CONTEXT_STORE", "modal://other/part")
    monkeypatch.setenv("RLM_CONTEXT_MODAL__SECRETS", '["team"]')
    monkeypatch.setenv("RLM_CONTEXT_MODAL__CRON", "0 3 * * *")
    command("deploy", "-m", "flows.modal_app")
    runtime = open_runtime()
    uploaded(runtime, tmp_path / "team")
    assert call("compile", PROJECT, app="other")["sessions"]["new"] == SESSIONS
    run = api.flow_run(f"compile {PROJECT}")
    assert run["state_type"] == "COMPLETED"
    assert {"rlm-context", PROJECT} <= set(run["tags"])  # by which dead runs are looked for
    assert api.task_runs(run["id"], "summarize sessions 1-10 of 24, acme/shop")
    assert [run.trigger for run in read_runs(runtime, PROJECT, 10)] == ["Modal"]
    schedule = modal.Function.from_name("other", "compile_all").hydrate().info().schedule
    assert schedule == "Cron('0 3 * * *', UTC)"


def test_whoever_helps_works_on_the_same(
    deployed: Runtime, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A batch for another store, or of other settings, is refused, and the error says what to do."""
    uploaded(deployed, tmp_path / "team")
    for name, value in (
        ("STORE", f"modal://{APP}/part"),
        ("STORE", str(tmp_path / "here")),
        ("CHUNK_TOKENS", "700"),
    ):
        with monkeypatch.context() as changed:
            changed.setenv(f"RLM_CONTEXT_{name}", value)
            other = open_runtime()
            uploaded(other, tmp_path / "team")
            with pytest.raises(SettingsError) as caught:
                asyncio.run(compile_project(other, PROJECT, ModalSteps(other)))
        assert caught.value.next_command
        assert value in caught.value.message or "chunk_tokens" in caught.value.message


def test_without_the_app(modal_emulator: Emulator, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """An app that is not deployed is named, with the command that does it."""
    monkeypatch.setenv("RLM_CONTEXT_STORE", f"modal://{APP}")
    runtime = open_runtime()
    uploaded(runtime, tmp_path / "team")
    with pytest.raises(SettingsError, match="not deployed") as caught:
        asyncio.run(compile_project(runtime, PROJECT, ModalSteps(runtime)))
    assert caught.value.next_command == "modal deploy -m flows.modal_app"


def test_a_store_that_is_not_on_modal(modal_emulator: Emulator) -> None:
    """The app is not deployed over a folder, and says why."""
    environment = os.environ | {"RLM_CONTEXT_STORE": "/some/folder"}
    done = subprocess.run(
        [sys.executable, "-m", "modal", "deploy", "-m", "flows.modal_app"],
        cwd=ROOT, env=environment, capture_output=True, text=True, check=False, timeout=PATIENT,
    )  # fmt: skip
    assert done.returncode != 0
    assert "a store in a Modal volume" in done.stdout + done.stderr


@pytest.mark.timeout(400)
def test_the_script_for_real_accounts(modal_emulator: Emulator) -> None:
    """tests/real_modal.py finds the emulator to be what the project relies on, and leaves nothing there."""
    done = subprocess.run(
        [sys.executable, "-m", "tests.real_modal"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
        timeout=PATIENT,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert [line[:3] for line in done.stdout.splitlines() if line[:3] in ("yes", "NO ")] == ["yes"] * 4
    assert modal.Volume.objects.list() == []
