"""The lease saves work and nothing depends on it: its failures stop no compile."""

import asyncio
import threading

import pytest

from compiler import turn
from compiler.runtime import Runtime
from data_models.errors import StoreError
from store.leases import Lease, holder
from tests.waiting import PATIENCE


def test_a_lease_that_cannot_be_kept_stops_nothing(runtime: Runtime, monkeypatch: pytest.MonkeyPatch) -> None:
    """Neither a failed renewal nor a failed release reaches the work; renewing goes on."""
    tried = asyncio.Semaphore(0)
    loops: list[asyncio.AbstractEventLoop] = []

    def fail(*_: object) -> None:
        loops[0].call_soon_threadsafe(tried.release)
        raise StoreError("the store is away")

    async def work() -> str:
        loops.append(asyncio.get_running_loop())
        async with turn.turn(runtime, "shop"):
            await tried.acquire()
            await tried.acquire()
            return "done"

    monkeypatch.setattr(turn, "_SECONDS", 0.03)
    monkeypatch.setattr(Lease, "renew", fail)
    monkeypatch.setattr(Lease, "release", fail)
    assert asyncio.run(asyncio.wait_for(work(), PATIENCE)) == "done"


def test_a_renewal_that_the_end_overtakes_leaves_no_claim(
    runtime: Runtime, monkeypatch: pytest.MonkeyPatch
) -> None:
    """However slow the store is: nobody waits for a compile that has ended."""
    renewing, go_on = threading.Event(), threading.Event()
    renew = Lease.renew

    def slow(lease: Lease, seconds: float) -> None:
        renewing.set()
        assert go_on.wait(PATIENCE)
        renew(lease, PATIENCE)

    async def work() -> None:
        async with turn.turn(runtime, "shop"):
            assert await asyncio.to_thread(renewing.wait, PATIENCE)
            asyncio.get_running_loop().call_soon(go_on.set)  # once the block has ended

    monkeypatch.setattr(turn, "_SECONDS", 0.03)
    monkeypatch.setattr(Lease, "renew", slow)
    asyncio.run(work())
    assert holder(runtime.store, turn.compile_lease("shop")) is None


def test_a_cancellation_meanwhile_is_none_that_was_overlooked(
    runtime: Runtime, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whoever cancels a compile that has ended and waits for its last renewal learns that it was cancelled."""
    renewing, go_on = threading.Event(), threading.Event()

    def slow(*_: object) -> None:
        renewing.set()
        assert go_on.wait(PATIENCE)

    async def work(ended: asyncio.Event) -> None:
        async with turn.turn(runtime, "shop"):
            assert await asyncio.to_thread(renewing.wait, PATIENCE)
            asyncio.get_running_loop().call_soon(ended.set)

    async def cancelled() -> bool:
        ended = asyncio.Event()
        working = asyncio.create_task(work(ended))
        await ended.wait()
        working.cancel()
        await asyncio.wait((working,))
        go_on.set()
        return working.cancelled()

    monkeypatch.setattr(turn, "_SECONDS", 0.03)
    monkeypatch.setattr(Lease, "renew", slow)
    assert asyncio.run(cancelled())
