"""Work with a deadline: its result, its own errors, and never a wait beyond it."""

import asyncio
import threading
import time

import pytest

from store.deadline import Arrived, DeadlineError, run


def test_results_and_errors_pass() -> None:
    """What the work gives or raises is what the caller gets, a TimeoutError of its own included."""

    async def give(_: Arrived) -> int:
        await asyncio.sleep(0)
        return 3

    async def fail(_: Arrived) -> None:
        raise TimeoutError("mine")

    assert run(give, 5) == 3
    with pytest.raises(TimeoutError, match="mine"):
        run(fail, 5)


def test_nobody_waits_for_work_that_ignores_its_end() -> None:
    """The caller is free at the deadline, also if the work does not let itself be cancelled."""
    ended = threading.Event()

    async def stubborn(_: Arrived) -> None:
        while not ended.is_set():
            try:
                await asyncio.sleep(0.01)
            except asyncio.CancelledError:
                continue

    began = time.monotonic()
    with pytest.raises(DeadlineError):
        run(stubborn, 0.1)
    assert time.monotonic() - began < 5
    ended.set()


def test_what_arrives_extends_the_deadline(monkeypatch: pytest.MonkeyPatch) -> None:
    """Only silence counts: work that goes on arriving may take longer in all."""

    now, looks = 0.0, 0

    def monotonic() -> float:
        nonlocal looks
        looks += 1
        return now

    async def steady(arrived: Arrived) -> str:
        nonlocal now
        for _ in range(4):
            before = looks
            while looks < before + 2:  # whoever waits has looked at the clock, and goes on waiting
                await asyncio.sleep(0.001)  # lets it look: it ends by what was seen and not by the time
            now += 0.04
            arrived()
        return "whole"

    monkeypatch.setattr("store.deadline.monotonic", monotonic)
    assert run(steady, 0.05) == "whole"


def test_threads_do_not_wait_for_each_other() -> None:
    """Several threads' work goes on at once."""
    barrier = threading.Barrier(4)
    results: list[int] = []

    async def meet(_: Arrived) -> int:
        return await asyncio.to_thread(barrier.wait, 60)

    threads = [threading.Thread(target=lambda: results.append(run(meet, 90))) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(results) == list(range(4))
