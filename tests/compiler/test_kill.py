"""SIGKILL at any moment of upload and compile: the store stays readable, and the next run loses nothing."""

import asyncio
import multiprocessing
import os
import random
import signal
import time
from pathlib import Path

import pytest

from compiler.local_copy import refresh
from compiler.pipeline import compile_project
from compiler.runtime import open_runtime
from compiler.steps import DirectSteps
from compiler.uploading.upload import upload
from store.generations import newest, verify
from tests.synthetic import write_team

KILLS = 47
SESSIONS = 6


def _compile(home: str, source: str) -> None:
    os.environ.update(RLM_CONTEXT_HOME=home, HOME=home)
    runtime = open_runtime()
    upload(runtime, [Path(source)], project="shop")
    asyncio.run(compile_project(runtime, "shop", DirectSteps(runtime)))
    refresh(runtime, "shop")
    runtime.spool.acknowledge(runtime.store)


@pytest.fixture(scope="module")
def forks() -> multiprocessing.context.ForkServerContext:
    """Processes that start with everything imported, so that a kill falls into work and not into imports."""
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(
        ["compiler.pipeline", "compiler.uploading.upload", "compiler.local_copy", __name__]
    )
    return context


@pytest.mark.slow
@pytest.mark.timeout(300)
def test_killed_at_random_moments(
    forks: multiprocessing.context.ForkServerContext, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """After each of 47 kills every published generation verifies, and the next compile holds every session."""
    seed = random.randrange(1 << 32)
    print(f"seed {seed}")
    chance = random.Random(seed)
    source = write_team(tmp_path / "team", SESSIONS)
    whole = _seconds_of_a_whole_run(forks, tmp_path / "warm", source)
    finished = 0
    for number in range(KILLS):
        home = tmp_path / f"home{number}"
        process = forks.Process(target=_compile, args=(str(home), str(source)))
        begun = time.perf_counter()
        process.start()
        process.join(chance.uniform(0, whole))
        if process.is_alive() and process.pid is not None:
            os.kill(process.pid, signal.SIGKILL)
        process.join()
        if process.exitcode == 0:  # the machine is faster than when it was measured, perhaps by much
            finished, whole = finished + 1, min(whole, time.perf_counter() - begun) * 0.8
        _check(home, source, monkeypatch)
    assert finished < KILLS / 2, "most kills must fall into the run"


def _seconds_of_a_whole_run(
    forks: multiprocessing.context.ForkServerContext, home: Path, source: Path
) -> float:
    begun = time.perf_counter()
    for attempt in range(2):  # the first also starts the fork server
        begun = time.perf_counter()
        process = forks.Process(target=_compile, args=(str(home / str(attempt)), str(source)))
        process.start()
        process.join()
        assert process.exitcode == 0
    return time.perf_counter() - begun


def _check(home: Path, source: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("RLM_CONTEXT_HOME", str(home))
    runtime = open_runtime()
    for key in runtime.store.keys("gen"):
        verify(runtime.store, key)
    _compile(str(home), str(source))
    generation = newest(runtime.store, "shop")
    assert generation is not None
    assert generation.damaged == ()
    copy = refresh(runtime, "shop")
    assert copy is not None
    assert {entry.session_id for entry in copy.sessions()} == {path.stem for path in source.rglob("*.jsonl")}
    assert runtime.spool.pending() == []
    assert runtime.spool.dead() == 0
