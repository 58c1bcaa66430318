"""A session that ends where the store is on Modal: the app next to the store is asked for the compile."""

from collections.abc import Callable
from pathlib import Path

import pytest

from compiler.runtime import Runtime, open_runtime
from compiler.turn import compile_lease
from data_models.errors import StoreError
from rlm_context.hooks.events import session_end
from rlm_context.hooks.trigger import asking
from rlm_context.hooks.trigger.record import Trigger, read_triggers
from rlm_context.hooks.worker import waiting
from rlm_context.hooks.worker.waiting import Work, take_up
from store.generations import newest
from store.leases import acquire
from tasks.modal import has_ended, spawn_compile
from tests.flows.test_modal_app import APP, command, deployed
from tests.hooks.helpers import REMOTE, compile_here, event, transcript
from tests.modal_emulator.fixtures import modal_emulator
from tests.modal_emulator.server import Emulator
from tests.waiting import until

__all__ = ["command", "deployed", "modal_emulator"]

End = Callable[..., Work]


@pytest.fixture
def end(home: Path, monkeypatch: pytest.MonkeyPatch) -> End:
    """Sessions of a shared project end, and a worker takes them up."""
    checkout = home / "tide"
    (checkout / ".git").mkdir(parents=True)
    (checkout / ".git" / "config").write_text(f'[remote "origin"]\n\turl = https://{REMOTE}.git\n')
    folder = home / "rlm-context"
    folder.mkdir(exist_ok=True)
    (folder / "shared-projects.txt").write_text(f"{REMOTE}\n")
    monkeypatch.setattr(asking, "_POLL_SECONDS", 0.1)

    def end_all(*numbers: int) -> Work:
        for number in numbers:
            transcript(home, number, checkout)
            session_end.keep(str(folder), event(number, checkout, home))
        return take_up(folder)

    return end_all


@pytest.fixture
def spawned(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The projects that the app was asked for."""
    calls: list[str] = []

    def spawn(store: str, project: str) -> str:
        calls.append(project)
        return spawn_compile(store, project)

    monkeypatch.setattr("tasks.modal.spawn_compile", spawn)
    return calls


def record() -> Trigger:
    (found,) = read_triggers(open_runtime().home)
    return found


def test_the_app_is_asked_once_and_compiles(deployed: Runtime, spawned: list[str], end: End) -> None:
    """Twenty sessions: one call, however many workers; all are in the generation, and acknowledged."""
    done = end(*range(1, 21))
    assert done.uploaded == 20
    asked = record()
    assert (asked.place, asked.state) == ("Modal", "waiting")
    end()
    assert spawned == [REMOTE]
    until(lambda: has_ended(deployed.store.url, asked.run))
    generation = newest(deployed.store, REMOTE)
    assert generation is not None
    assert generation.manifest.counts["sessions"] == 20
    end()
    assert read_triggers(deployed.home) == []
    assert deployed.spool.pending() == []


def test_whoever_compiles_is_waited_for(
    deployed: Runtime, spawned: list[str], end: End, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A compile that runs may have looked before: no second container, and a look when it has ended."""
    lease = acquire(deployed.store, compile_lease(REMOTE), 60)
    assert lease is not None
    looks: list[str] = []
    original = asking.ended_of

    def look(*arguments: object) -> list[str]:
        if not looks:
            assert spawned == []
            lease.release()
        looks.append("")
        return original(*arguments)  # type: ignore[arg-type]  # passed on

    monkeypatch.setattr("rlm_context.hooks.trigger.decide.ended_of", look)
    end(1)
    assert record().state == "waiting"
    assert spawned == [REMOTE]
    until(lambda: has_ended(deployed.store.url, record().run))


def test_without_the_app_it_is_compiled_here(
    modal_emulator: Emulator, end: End, monkeypatch: pytest.MonkeyPatch
) -> None:
    """And what would deploy it is said."""
    monkeypatch.setenv("RLM_CONTEXT_STORE", f"modal://{APP}")
    monkeypatch.setattr(waiting, "compile_projects_of", compile_here)
    assert end(1).compiled == REMOTE
    assert (record().state, record().here) == ("refused", True)
    assert record().next_command == "modal deploy -m flows.modal_app"


def test_modal_that_stays_away_is_tried_later(
    modal_emulator: Emulator, end: End, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The call fails though the store answers: the next start goes on with it."""
    monkeypatch.setenv("RLM_CONTEXT_STORE", f"modal://{APP}")
    monkeypatch.setattr(asking, "_DELAYS", (0.01,))

    def lose(store: str, project: str) -> str:
        raise StoreError("Modal gives no answer")

    monkeypatch.setattr("tasks.modal.spawn_compile", lose)
    assert end(1).is_unfinished
    assert (record().state, record().here) == ("away", False)
