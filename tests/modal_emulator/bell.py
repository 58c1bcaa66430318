"""Waiting for news, as the service's long polls do."""

import asyncio
from contextlib import suppress


class Bell:
    """Wakes everyone who waits for it; who looks first and then waits in the same step misses nothing."""

    def __init__(self) -> None:
        self._event = asyncio.Event()

    def ring(self) -> None:
        """There is news."""
        self._event.set()
        self._event = asyncio.Event()

    async def wait(self, seconds: float) -> None:
        """Until there is news, or the time is over."""
        event = self._event
        with suppress(TimeoutError):
            await asyncio.wait_for(event.wait(), max(seconds, 0))
