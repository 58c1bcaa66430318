"""One compile of a project at a time, where that saves work. Correctness does not depend on it."""

import asyncio
import logging
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress

from compiler.runtime import Runtime
from data_models.errors import StoreError
from store.leases import Candidate, Lease, holder
from store.protocol import Store

logger = logging.getLogger(__name__)
progress = logging.getLogger("rlm_context.progress")

_SECONDS = 60.0
"""A lease runs out so soon after its holder died on another machine; a living holder renews it."""
_POLL = 0.5


def compile_lease(project: str) -> str:
    """The name of the lease that whoever compiles a project holds."""
    return f"compile {project}"


def others_compile(store: Store, project: str) -> str:
    """That somebody else compiles a project now, and where, in words; "" where nobody does.

    Raises:
        StoreError: the store failed.
    """
    compiling = holder(store, compile_lease(project))
    if compiling is None:
        return ""
    return f"another compile of {project} on {'this machine' if compiling.is_here else 'another machine'}"


@asynccontextmanager
async def turn(runtime: Runtime, project: str) -> AsyncIterator[None]:
    """Wait until nobody else compiles this project, and hold others back during the block."""
    candidate = Candidate(runtime.store, compile_lease(project), _SECONDS)
    lease = await asyncio.to_thread(candidate.acquire)
    if lease is None:
        others = await asyncio.to_thread(others_compile, runtime.store, project)
        progress.info("waiting for %s", others or f"another compile of {project}")
    while lease is None:
        await asyncio.sleep(_POLL)
        lease = await asyncio.to_thread(candidate.acquire)
    over = asyncio.Event()
    renewing = asyncio.create_task(_renew(lease, over))
    try:
        yield
    finally:
        over.set()
        try:
            await asyncio.wait((renewing,))  # a renewal that is under way would leave its claim behind
            renewing.result()
        finally:  # also where somebody cancels meanwhile, and the claim expires
            _release(lease)


def _release(lease: Lease) -> None:
    try:
        lease.release()
    except StoreError as error:
        logger.warning("the lease of this compile was not given back, and expires: %s", error)


async def _renew(lease: Lease, over: asyncio.Event) -> None:
    while not await _is_set_within(over, _SECONDS / 3):
        try:
            await asyncio.to_thread(lease.renew, _SECONDS)
        except StoreError as error:  # another compile may begin meanwhile, and do the same work
            logger.warning("the lease of this compile was not renewed: %s", error)


async def _is_set_within(event: asyncio.Event, seconds: float) -> bool:
    with suppress(TimeoutError):
        await asyncio.wait_for(event.wait(), seconds)
    return event.is_set()
