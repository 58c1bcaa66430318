"""How many calls to a provider are in flight: as many as it takes, learnt from its answers.

The limit starts at the most that the user allows, is cut when the provider says that it has too many requests, and
grows by one for each limit-ful of answers after that (additive increase, multiplicative decrease, as in RFC 5681).
While the provider asks to wait, nothing is sent at all.
"""

import asyncio
import time
from collections import deque
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

_CUT = 0.7


class Gate:
    """Admits calls, in the order they came. It belongs to one event loop.

    Args:
        most: calls at once, at best.
    """

    def __init__(self, most: int) -> None:
        self.most = most
        self.limit = float(most)
        self.inside = 0
        self._waiting: deque[asyncio.Future[None]] = deque()
        self._resume = 0.0
        self._last_cut = 0.0

    @asynccontextmanager
    async def enter(self) -> AsyncIterator[None]:
        """Wait for a place, and hold it over all attempts of one call: who waits to retry lets nobody else in."""
        place = asyncio.get_running_loop().create_future()
        self._waiting.append(place)
        self._admit()
        try:
            await place
            yield
        finally:
            if not place.cancelled():  # cancelled: it was never admitted
                self.inside -= 1
                self._admit()

    @property
    def closed_for(self) -> float:
        """Seconds for which the provider asks to send nothing."""
        return max(self._resume - time.monotonic(), 0.0)

    def pause(self, seconds: float) -> None:
        """Send nothing for so long."""
        self._resume = max(self._resume, time.monotonic() + seconds)

    def answered(self) -> None:
        """A call was answered: try a little more at once."""
        self.limit = min(self.limit + 1 / self.limit, self.most)

    def throttled(self, sent: float) -> None:
        """The provider has too many requests. Attempts under way at the last cut do not cut again.

        Args:
            sent: when the refused attempt was sent, on the monotonic clock.
        """
        if sent >= self._last_cut:
            self.limit = max(self.limit * _CUT, 1.0)
            self._last_cut = time.monotonic()

    def _admit(self) -> None:
        while self._waiting and self.inside < int(self.limit):
            place = self._waiting.popleft()
            if not place.cancelled():
                place.set_result(None)
                self.inside += 1
