"""Leases save work; they never block for ever."""

import pytest

from store import leases
from store.leases import acquire
from store.memory import MemoryStore


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    now = [1_700_000_000.0]
    monkeypatch.setattr(leases.time, "time", lambda: now[0])
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
        "0000000000001-9999999999999-00000000.json",
        "9999999999998-9999999999999-00000000.json",
        "1699999999999-1700000000000-zzzzzzzz.json",
    ):
        store.put(f"leases/compile/{name}", b"garbage")
    assert acquire(store, "compile", 60) is not None
    assert acquire(store, "compile", 60) is None
