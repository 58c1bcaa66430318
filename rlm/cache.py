"""Results of model calls by the hash of what was asked: an answer that arrived is never paid again."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Protocol

from rlm.clients.protocol import Completion


class Cache(Protocol):
    """Keeps completions. A caller who wants them to outlive the process brings an own one."""

    async def get(self, digest: str) -> Completion | None:
        """What was kept under `digest` (`Request.digest`), or None."""
        ...

    async def put(self, digest: str, completion: Completion) -> None:
        """Keep a completion. Nothing else is done with it before this returns."""
        ...


class MemoryCache:
    """Keeps completions as long as it lives."""

    def __init__(self) -> None:
        self._kept: dict[str, Completion] = {}

    async def get(self, digest: str) -> Completion | None:
        """What was kept, or None."""
        return self._kept.get(digest)

    async def put(self, digest: str, completion: Completion) -> None:
        """Keep it."""
        self._kept[digest] = completion


class OnceOnly:
    """Asks each thing once, however many ask it at the same time or later.

    Args:
        cache: where answers are kept.
    """

    def __init__(self, cache: Cache) -> None:
        self._cache = cache
        self._asking: dict[str, asyncio.Future[None]] = {}

    async def knows(self, digest: str) -> bool:
        """Whether the answer is kept."""
        return await self._cache.get(digest) is not None

    async def keep(self, digest: str, completion: Completion) -> None:
        """Keep an answer, also where whoever asked is cancelled meanwhile: it was paid."""
        await asyncio.shield(asyncio.ensure_future(self._cache.put(digest, completion)))

    async def get(self, digest: str, ask: Callable[[], Awaitable[Completion]]) -> tuple[Completion, bool]:
        """The kept completion, or that of `ask`, which keeps it.

        Returns:
            The completion, and whether it was kept before.

        Raises:
            Whatever `ask` raises, to whoever called it; another who waits then asks for himself.
        """
        while asking := self._asking.get(digest):
            await asyncio.wait([asking])
        done = self._asking[digest] = asyncio.get_running_loop().create_future()
        try:
            if kept := await self._cache.get(digest):
                return kept, True
            return await ask(), False
        finally:
            del self._asking[digest]
            done.set_result(None)
