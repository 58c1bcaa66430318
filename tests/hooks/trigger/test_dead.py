"""A run that is dead holds nobody up: whoever asks for a compile closes it and gets another."""

import time
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest

from compiler.runtime import Runtime, open_runtime
from compiler.turn import compile_lease
from rlm_context.hooks.trigger import decide
from rlm_context.hooks.trigger.dead import PATIENCE
from rlm_context.hooks.trigger.remote import Remote
from store.keys import lease_prefix
from store.leases import acquire
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
    """Nobody compiles its project, and it has been in its state for long: it crashed, and another one begins."""
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


def test_a_compile_that_takes_long_is_left_alone(stub: Stub, runtime: Runtime, prefect: Remote) -> None:
    """Somebody holds the lease of its project, wherever that is; once nobody does, it is dead."""
    run = prefect.ask(PROJECT, "none", None).run
    stub.move("RUNNING", LONG)
    lease = acquire(runtime.store, compile_lease(PROJECT), 600)
    assert lease is not None
    assert prefect.ask(PROJECT, "none", None).run == run
    assert not prefect.has_ended(PROJECT, run)
    lease.release()
    assert prefect.ask(PROJECT, "none", None).run != run


def test_whose_clock_is_ahead_closes_no_live_run(stub: Stub, runtime: Runtime, prefect: Remote) -> None:
    """By the clock here another machine's claim ended minutes ago; it is renewed there all the same."""
    run = prefect.ask(PROJECT, "none", None).run
    stub.move("RUNNING", LONG)
    now = int(time.time() * 1000)
    claim = f"{now - 240_000:013d}-{now - 180_000:013d}-00000000-1-00000000.json"
    runtime.store.put(f"{lease_prefix(compile_lease(PROJECT))}/{claim}", b"{}")
    assert prefect.ask(PROJECT, "none", None).run == run


def test_runs_of_other_projects_free_their_places(stub: Stub, prefect: Remote) -> None:
    """What is dead holds a place under the deployment's limit, also where nobody asks for its project any more."""
    prefect.ask(OTHER, "none", None)
    stub.move("RUNNING", LONG)
    prefect.ask(PROJECT, "none", None)
    assert stub.runs[f"compile:{OTHER}:none:0"]["state_type"] == "CRASHED"


@pytest.mark.parametrize(("since", "state"), [(LONG, "RUNNING"), (timedelta(days=1, hours=1), "CRASHED")])
def test_a_night_may_take_a_day(stub: Stub, prefect: Remote, since: timedelta, state: str) -> None:
    """What is no compile holds no lease: only after a day nobody waits for it any more."""
    prefect.ask(OTHER, "none", None)
    stub.runs[f"compile:{OTHER}:none:0"] |= {"deployment_id": "d-2", "parameters": {"max_usd": None}}
    stub.move("RUNNING", since)
    prefect.ask(PROJECT, "none", None)
    assert stub.runs[f"compile:{OTHER}:none:0"]["state_type"] == state
