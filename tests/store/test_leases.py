"""Leases save work; they never block for ever."""

import multiprocessing
import os
import time
from types import SimpleNamespace

import pytest

from store import leases
from store.leases import Candidate, Holder, acquire, holder
from store.memory import MemoryStore


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    now = [1_700_000_000.0]
    # In the module that looks at it: other threads' clocks go on.
    monkeypatch.setattr(leases, "time", SimpleNamespace(time=lambda: now[0], monotonic=time.monotonic))
    return now


def test_one_holder_at_a_time(clock: list[float]) -> None:
    """While it is held nobody else gets it; released or expired, the next does."""
    store = MemoryStore()
    lease = acquire(store, "compile", 60)
    assert lease is not None
    assert acquire(store, "compile", 60) is None
    assert acquire(store, "another", 60) is not None
    lease.release()
    lease.release()
    assert acquire(store, "compile", 60) is not None
    clock[0] += 61
    assert acquire(store, "compile", 60) is not None
    assert len(list(store.keys("leases/compile"))) == 1


def test_garbage_holds_nothing(clock: list[float]) -> None:
    """Foreign keys, claims without end and claims from the far future do not block anyone."""
    store = MemoryStore()
    for name in (
        "x",
        "0000000000001-9999999999999-00000000-1-00000000.json",
        "9999999999998-9999999999999-00000000-1-00000000.json",
        "1699999999999-1700000000000-00000000-1-zzzzzzzz.json",
    ):
        store.put(f"leases/compile/{name}", b"garbage")
    assert acquire(store, "compile", 60) is not None
    assert acquire(store, "compile", 60) is None


def test_renewed_it_is_held_longer(clock: list[float]) -> None:
    """A holder that renews keeps it; there is one claim at any time."""
    store = MemoryStore()
    lease = acquire(store, "compile", 60)
    assert lease is not None
    for _ in range(3):
        clock[0] += 50
        lease.renew(60)
        assert acquire(store, "compile", 60) is None
        assert len(list(store.keys("leases/compile"))) == 1
    lease.release()
    assert acquire(store, "compile", 60) is not None


def test_a_dead_holder_of_this_machine_holds_nothing(
    clock: list[float], monkeypatch: pytest.MonkeyPatch
) -> None:
    """After kill -9 nobody waits for the lease to run out; a process of another machine is waited for."""
    store = MemoryStore()
    process = multiprocessing.get_context("spawn").Process(target=int)
    process.start()
    process.join()
    dead, alive = process.pid, os.getpid()
    for machine, process_id, expected in ((leases.machine(), dead, True), ("00000000", alive, False)):
        with monkeypatch.context() as patch:
            patch.setattr(leases, "os", SimpleNamespace(getpid=lambda pid=process_id: pid, name=os.name))
            patch.setattr(leases, "machine", lambda machine=machine: machine)
            assert acquire(store, f"compile {machine}", 60) is not None
        assert (acquire(store, f"compile {machine}", 60) is not None) is expected


def test_the_holder_can_be_told(clock: list[float], monkeypatch: pytest.MonkeyPatch) -> None:
    """Since when, until when, and whether here; looking removes nothing, and tells nobody where nobody holds it."""
    store = MemoryStore()
    assert holder(store, "compile") is None
    lease = acquire(store, "compile", 60)
    assert lease is not None
    assert holder(store, "compile") == Holder(1_700_000_000_000, 1_700_000_060_000, is_here=True)
    with monkeypatch.context() as patch:
        patch.setattr(leases, "machine", lambda: "00000000")
        assert holder(store, "compile") == Holder(1_700_000_000_000, 1_700_000_060_000, is_here=False)
    clock[0] += 61
    assert holder(store, "compile") is None
    assert list(store.keys()) == [lease.key]


@pytest.mark.parametrize("skew", [86_000, -86_000])
def test_clocks_a_day_apart(clock: list[float], monkeypatch: pytest.MonkeyPatch, skew: int) -> None:
    """A machine whose clock is a day off and that died holds others back for no longer than it claimed.

    While it lives and is ahead, it holds the lease; behind, its claims look over, and both do the same work.
    """
    passed = [0.0]
    monkeypatch.setattr(leases.time, "monotonic", lambda: passed[0])
    store = MemoryStore()
    clock[0] += skew
    with monkeypatch.context() as patch:
        patch.setattr(leases, "machine", lambda: "00000000")
        theirs = acquire(store, "compile", 60)
        assert theirs is not None
        clock[0] -= skew
        candidate = Candidate(store, "compile", 60)
        assert (candidate.acquire() is None) == (skew > 0)
        if skew < 0:
            return
        for _ in range(5):
            clock[0] += skew + 20
            passed[0] += 20
            theirs.renew(60)
            clock[0] -= skew
            assert candidate.acquire() is None
    for _ in range(2):
        passed[0] += 100
        clock[0] += 100
        mine = candidate.acquire()
    assert mine is not None
