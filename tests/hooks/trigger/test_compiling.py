"""The process of a compile on this machine."""

import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from compiler.runtime import open_runtime
from compiler.turn import compile_lease
from compiler.uploading.upload import upload
from rlm_context.hooks.trigger import compiling, decide
from rlm_context.hooks.trigger.remote import begin_lease
from store.leases import Holder, acquire
from store.protocol import Store
from tests.hooks.helpers import REMOTE, compile_here, transcript


@pytest.fixture
def compiles(monkeypatch: pytest.MonkeyPatch) -> list[tuple[list[str], bool]]:
    """What was handed to Prefect: the projects, and whether on the home's own server."""
    calls: list[tuple[list[str], bool]] = []

    def compile_projects(home: Path, projects: list[str], *, own_server: bool, trigger: str) -> list[Any]:
        assert trigger == "session end"
        calls.append((list(projects), own_server))
        return [None] * len(projects)

    monkeypatch.setattr(compiling, "compile_projects", compile_projects)
    monkeypatch.setattr(compiling, "_POLL_SECONDS", 0.02)
    monkeypatch.setattr(sys, "argv", ["compiling", "any-server", REMOTE])
    return calls


@pytest.fixture
def waiting(home: Path) -> str:
    """A store with a session that no generation holds."""
    upload(open_runtime(), [transcript(home, 1, home)], project=REMOTE)
    return str(home / "rlm-context" / "store")


def test_only_what_is_new_is_compiled(
    waiting: str, compiles: list[tuple[list[str], bool]], monkeypatch: pytest.MonkeyPatch
) -> None:
    """A project with nothing new starts no server; whose server it is stands in front."""
    assert compiling.main() == 0
    monkeypatch.setattr(sys, "argv", ["compiling", "own-server", REMOTE, "acme/other"])
    assert compiling.main() == 0
    compile_here(waiting, [REMOTE])
    assert compiling.main() == 0
    assert compiles == [([REMOTE], False), ([REMOTE], True)]


def test_what_another_compile_takes_is_left_to_it(
    waiting: str, compiles: list[tuple[list[str], bool]], monkeypatch: pytest.MonkeyPatch
) -> None:
    """While somebody else compiles the project it waits, and then there is nothing to do."""
    looks: list[str] = []

    def holder(store: Store, name: str) -> Holder | None:
        looks.append(name)
        if len(looks) < 3:
            return Holder(0, 1, is_here=True)
        compile_here(waiting, [REMOTE])
        return None

    monkeypatch.setattr(compiling, "holder", holder)
    assert compiling.main() == 0
    assert compiles == []
    assert looks == [compile_lease(REMOTE)] * 3


def test_whoever_is_about_to_compile_is_waited_for(
    waiting: str, compiles: list[tuple[list[str], bool]], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its server still starts; ours need not. What we are about to do holds others back, until we have ended."""
    store = open_runtime().store
    lease = acquire(store, begin_lease(REMOTE), 60)
    assert lease is not None
    looks: list[str] = []

    def nobody(store: Store, name: str) -> None:
        looks.append(name)
        if len(looks) == 3:
            compile_here(waiting, [REMOTE])
            lease.release()

    monkeypatch.setattr(compiling, "holder", nobody)
    assert compiling.main() == 0
    assert (len(looks), compiles) == (3, [])
    assert acquire(store, begin_lease(REMOTE), 60)


def test_a_holder_that_hangs_holds_nobody_back(
    waiting: str, compiles: list[tuple[list[str], bool]], monkeypatch: pytest.MonkeyPatch
) -> None:
    """The flow's own turn decides then."""
    monkeypatch.setattr(compiling, "_LONGEST_WAIT", 0.1)
    assert acquire(open_runtime().store, compile_lease(REMOTE), 60)
    assert compiling.main() == 0
    assert len(compiles) == 1


@pytest.mark.parametrize("project", ["--help", "-", "own-server", "a b"])
def test_a_projects_name_is_no_option(
    home: Path, project: str, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    """Whatever it is, its process takes it for a project, with nothing new here."""
    assert decide.compile_projects_of(str(home / "team"), [project], own_server=True)
    assert capfd.readouterr() == ("", "")


def test_a_compile_that_a_signal_ended(
    monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    """It failed, and the workers' log says by which signal, since it could not say so itself."""
    ended = subprocess.CompletedProcess("compile", -11)
    monkeypatch.setattr(decide.subprocess, "run", lambda *arguments, **settings: ended)
    assert decide.compile_projects_of("/store", ["tide"], own_server=False) is False
    assert "ended by SIGSEGV" in capfd.readouterr().err
