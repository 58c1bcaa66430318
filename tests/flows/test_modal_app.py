"""The app on Modal, deployed and run by the real client against the emulator, whose containers are processes here."""

import asyncio
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from compiler.pipeline import DirectSteps, compile_project
from compiler.runtime import Runtime, open_runtime
from compiler.upload import upload
from tasks.modal import APP, ModalSteps
from tests.flows.helpers import ROOT
from tests.flows.same import hits, made
from tests.modal_emulator.fixtures import modal_emulator
from tests.modal_emulator.server import Emulator
from tests.synthetic import write_team

__all__ = ["modal_emulator"]

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
            timeout=100,
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
