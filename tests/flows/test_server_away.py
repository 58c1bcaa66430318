"""A Prefect server that is away for moments of a compile: what it does around tasks is tried again."""

import asyncio
import logging
from collections.abc import Callable
from typing import Any

import httpx
import pytest
from prefect.concurrency import _asyncio as around
from prefect.concurrency.asyncio import ConcurrencySlotAcquisitionError

import tasks.compile
from compiler.health import status
from compiler.report import ProjectReport
from compiler.runtime import open_runtime
from flows.compile import compile_context
from store.generations import heads, history
from tasks import insisting
from tasks.insisting import insist
from tests.flows.helpers import SESSIONS, Api

# Prefect leaves the connections of its threads to the garbage collector.
pytestmark = pytest.mark.filterwarnings("ignore:unclosed <socket:ResourceWarning")

BEFORE = ConcurrencySlotAcquisitionError("unable to acquire")
AFTER = httpx.ConnectError("refused")
Fail = Callable[..., None]


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    """No time is lost."""
    monkeypatch.setattr(insisting, "_DELAYS", (0.01, 0.01))


@pytest.fixture
def fail(monkeypatch: pytest.MonkeyPatch) -> Fail:
    """Makes every task's place under its limits fail so many times before it is had."""
    acquire = around.aacquire_concurrency_slots_with_lease
    failed: dict[tuple[str, ...], int] = {}

    def fail(times: int) -> None:
        async def acquire_later(names: list[str], *arguments: Any, **options: Any) -> Any:
            key = tuple(names)
            failed[key] = failed.get(key, 0) + 1
            if failed[key] <= times:
                raise BEFORE
            return await acquire(names, *arguments, **options)

        monkeypatch.setattr(around, "aacquire_concurrency_slots_with_lease", acquire_later)

    return fail


def compile_now(project: str) -> ProjectReport:
    return asyncio.run(compile_context(project))


def test_a_compile_outlasts_it(api: Api, uploaded: str, fail: Fail) -> None:
    """Prefect's client gives up at once where a server starts anew: the run goes on, and shows as completed."""
    fail(2)
    report = compile_now(uploaded)
    assert (report.sessions.new, report.degraded) == (SESSIONS, [])
    assert api.flow_run(f"compile {uploaded}")["state_type"] == "COMPLETED"


def test_what_is_published_stands_where_it_stays_away(
    api: Api, uploaded: str, fail: Fail, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Away for good after the last step: the artifacts are missing, which the report says, and the run completes."""
    publish = around.aacquire_concurrency_slots_with_lease
    store = open_runtime().store

    async def acquire(*arguments: Any, **options: Any) -> Any:
        if heads(store, uploaded):
            raise BEFORE
        return await publish(*arguments, **options)

    monkeypatch.setattr(around, "aacquire_concurrency_slots_with_lease", acquire)
    report = compile_now(uploaded)
    assert len(report.degraded) == 1
    assert api.flow_run(f"compile {uploaded}")["state_type"] == "COMPLETED"


def test_a_generation_is_published_once(api: Api, uploaded: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """The task was done, and what it said is lost: the same again is the same generation, whose cost counts once."""
    publish = tasks.compile.publish
    done: list[str] = []

    async def lose(*arguments: Any) -> str:
        done.append(await publish(*arguments))
        if len(done) < 3:
            raise AFTER
        return done[-1]

    monkeypatch.setattr(tasks.compile, "publish", lose)
    compile_now(uploaded)
    assert done == [done[0]] * 3
    assert [generation.key for generation in history(open_runtime().store, uploaded)[0]] == [done[0]]
    (project,) = status(open_runtime()).projects
    assert project.spent.generations == 1


@pytest.mark.parametrize(
    ("error", "may_repeat", "calls"),
    [(BEFORE, True, 3), (BEFORE, False, 3), (AFTER, True, 3), (AFTER, False, 1), (ValueError(), True, 1)],
)
def test_what_is_called_again(
    error: Exception, may_repeat: bool, calls: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As often as there are pauses; where spending is limited, only what had not begun; never an error of the task."""
    monkeypatch.setattr(insisting, "get_run_logger", logging.getLogger)  # no run here
    called = 0

    async def call() -> None:
        nonlocal called
        called += 1
        raise error

    with pytest.raises(type(error)):
        asyncio.run(insist(call, may_repeat=may_repeat))
    assert called == calls
