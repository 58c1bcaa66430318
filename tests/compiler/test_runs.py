"""The history of runs says what became of each, also of one that was killed."""

import asyncio
import multiprocessing
import os
import signal
import threading
import time
from pathlib import Path

import msgspec
import pytest

from compiler import runs
from compiler.report import ProjectReport
from compiler.runs import SILENCE_MS, RunRecord, read_record, read_runs, recorded
from compiler.runtime import Runtime, open_runtime
from data_models.errors import PipelineError, StoreError
from store.keys import run_key

PROJECT = "acme/tide"


@pytest.fixture
def runtime(home: Path) -> Runtime:
    return open_runtime()


async def nothing() -> ProjectReport:
    """A run that does nothing."""
    return ProjectReport(project=PROJECT)


async def never() -> ProjectReport:
    """A run that must not begin."""
    raise AssertionError


def leave(runtime: Runtime, ago_ms: int, machine: str) -> None:
    """The record of a run under way on some machine, which gave its last sign of life then."""
    seen = int(time.time() * 1000) - ago_ms
    record = RunRecord(
        id=f"{seen:013d}-00000000", project=PROJECT, trigger="test", started=seen - 1000, seen=seen,
        machine=machine, process=os.getpid(),
    )  # fmt: skip
    runtime.store.put(run_key(PROJECT, record.id), msgspec.json.encode(record))


def run_for_ever(home: str, begun: "multiprocessing.synchronize.Event") -> None:
    """A run in a process of its own."""

    async def endless() -> ProjectReport:
        begun.set()
        await asyncio.Event().wait()
        raise AssertionError

    os.environ["RLM_CONTEXT_HOME"] = home
    asyncio.run(recorded(open_runtime(), PROJECT, "test", endless))


def only(runtime: Runtime) -> RunRecord:
    """The one run on record, waited for."""
    deadline = time.monotonic() + 60
    while not (found := read_runs(runtime, PROJECT, 10)):
        assert time.monotonic() < deadline
    (record,) = found
    return record


def test_a_run_is_on_record_while_it_runs(runtime: Runtime) -> None:
    """As running, without an end; then as completed under the same id."""
    seen: list[RunRecord] = []

    async def run() -> ProjectReport:
        seen.append(await asyncio.to_thread(only, runtime))
        return await nothing()

    asyncio.run(recorded(runtime, PROJECT, "test", run))
    record = only(runtime)
    assert (seen[0].state, seen[0].ended, seen[0].id) == ("running", 0, record.id)
    assert (record.state, record.ended >= record.started, record.report) == (
        "completed", True, ProjectReport(project=PROJECT),
    )  # fmt: skip


def test_a_run_that_was_killed_crashed(runtime: Runtime, home: Path) -> None:
    """SIGKILL leaves it no last word: whoever reads its record sees on this machine that its process is gone."""
    spawning = multiprocessing.get_context("spawn")
    begun = spawning.Event()
    process = spawning.Process(target=run_for_ever, args=(str(runtime.home), begun))
    process.start()
    assert begun.wait(60)
    assert only(runtime).state == "running"
    assert process.pid is not None
    os.kill(process.pid, signal.SIGKILL)
    process.join()
    record = only(runtime)
    assert (record.state, record.ended, record.error != "") == ("crashed", record.seen, True)


@pytest.mark.parametrize(
    ("ago_ms", "state"), [(0, "running"), (SILENCE_MS - 60_000, "running"), (SILENCE_MS + 1000, "crashed")]
)
def test_a_run_elsewhere_lives_while_it_says_so(runtime: Runtime, ago_ms: int, state: str) -> None:
    """Nobody can look at the processes of another machine: its run crashed once it was silent for long."""
    leave(runtime, ago_ms, "00000000")
    assert only(runtime).state == state


def test_it_says_so_again_and_again(runtime: Runtime, monkeypatch: pytest.MonkeyPatch) -> None:
    """A run that takes long is not taken for dead."""
    monkeypatch.setattr(runs, "_BEAT", 0.01)

    def wait_for_another() -> None:
        first, deadline = only(runtime).seen, time.monotonic() + 60
        while only(runtime).seen == first:
            assert time.monotonic() < deadline

    async def run() -> ProjectReport:
        await asyncio.to_thread(wait_for_another)
        return await nothing()

    asyncio.run(recorded(runtime, PROJECT, "test", run))
    assert only(runtime).state == "completed"


def test_no_sign_of_life_comes_after_the_end(runtime: Runtime, monkeypatch: pytest.MonkeyPatch) -> None:
    """One that is being written as the run ends is written first, however slow the store is."""
    monkeypatch.setattr(runs, "_BEAT", 0.01)
    writing, go_on = threading.Event(), threading.Event()
    put = runtime.store.put

    def slow(key: str, data: bytes) -> None:
        if b'"running"' in data and runtime.store.size(key):
            writing.set()
            assert go_on.wait(60)
        put(key, data)

    async def run() -> ProjectReport:
        assert await asyncio.to_thread(writing.wait, 60)
        threading.Timer(0.05, go_on.set).start()
        return await nothing()

    monkeypatch.setattr(runtime.store, "put", slow)
    asyncio.run(recorded(runtime, PROJECT, "test", run))
    assert only(runtime).state == "completed"


def test_what_stopped_a_run(runtime: Runtime) -> None:
    """An error of ours in its words, any other by its name; a run that is cancelled was stopped."""

    async def fail(error: BaseException) -> ProjectReport:
        raise error

    for error in (PipelineError("it broke"), ValueError("secret"), asyncio.CancelledError()):
        with pytest.raises(type(error)):
            asyncio.run(recorded(runtime, PROJECT, "test", lambda error=error: fail(error)))  # type: ignore[misc]
    found = {(record.state, record.error) for record in read_runs(runtime, PROJECT, 10)}
    assert found == {("failed", "it broke"), ("failed", "ValueError"), ("cancelled", "CancelledError")}


def test_a_store_that_fails(runtime: Runtime, monkeypatch: pytest.MonkeyPatch) -> None:
    """A run that cannot leave a record does not begin; a completed one says that it did not leave its last; one that
    failed says why it failed."""
    put = runtime.store.put

    def refuse(key: str, data: bytes) -> None:
        raise StoreError("no")

    def refuse_from_now() -> None:
        monkeypatch.setattr(runtime.store, "put", refuse)

    async def complete() -> ProjectReport:
        refuse_from_now()
        return await nothing()

    async def fail() -> ProjectReport:
        refuse_from_now()
        raise PipelineError("it broke")

    with pytest.raises(StoreError, match="no"):
        asyncio.run(recorded(runtime, PROJECT, "test", complete))
    with pytest.raises(StoreError, match="no"):
        asyncio.run(recorded(runtime, PROJECT, "test", never))
    monkeypatch.setattr(runtime.store, "put", put)
    with pytest.raises(PipelineError, match="it broke"):
        asyncio.run(recorded(runtime, PROJECT, "test", fail))


def test_its_record_stands_before_it_is_told_of(runtime: Runtime) -> None:
    """Whoever is told the key finds it there; a run that cannot tell does not begin."""
    told: list[str] = []

    async def announce(key: str) -> None:
        found = read_record(runtime.store, key)
        told.append(found.state if found else "missing")
        if len(told) > 1:
            raise PipelineError("nobody listens")

    asyncio.run(recorded(runtime, PROJECT, "test", nothing, announce))
    with pytest.raises(PipelineError, match="nobody listens"):
        asyncio.run(recorded(runtime, PROJECT, "test", never, announce))
    assert told == ["running", "running"]
    assert sorted(record.state for record in read_runs(runtime, PROJECT, 10)) == ["completed", "failed"]


def test_what_is_no_record(runtime: Runtime) -> None:
    """None under the key, none that can be read, a key that is none: nothing is known, and nothing raised."""
    key = run_key(PROJECT, f"{1:013d}-00000000")
    assert read_record(runtime.store, key) is None
    runtime.store.put(key, b"[1")
    assert read_record(runtime.store, key) is None
    assert read_record(runtime.store, "runs/../store.json") is None


def test_how_long_it_runs(runtime: Runtime, monkeypatch: pytest.MonkeyPatch) -> None:
    """So far, as of now; at its end, how long it took, whatever was done to the clock meanwhile."""
    clock = runs._now()
    monkeypatch.setattr(runs, "_now", lambda: clock)

    async def run() -> ProjectReport:
        nonlocal clock
        clock += 120_000
        assert [record.seconds for record in read_runs(runtime, PROJECT, 1)] == [120.0]
        clock -= 3_600_000
        return await nothing()

    asyncio.run(recorded(runtime, PROJECT, "test", run))
    (record,) = read_runs(runtime, PROJECT, 1)
    assert (record.ended < record.started, 0 <= record.seconds < 60) == (True, True)
