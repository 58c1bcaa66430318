"""Attempts at one call until it is answered: one deadline over all of them, and the provider's wishes honoured.

The providers' own packages are told not to retry, so that nothing multiplies and every refusal reaches the gate.
"""

import asyncio
import random
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import TypeVar

from rlm.clients.errors import TransientError
from rlm.clients.gate import Gate

T = TypeVar("T")

_FIRST_WAIT = 0.5
_LONGEST_WAIT = 8.0


@dataclass(frozen=True, slots=True)
class Patience:
    """How long to try.

    Attributes:
        total: seconds from the first attempt at a call to the end of the last, waits included.
        attempt: seconds for one attempt; the server may have done and charged what is given up.
        attempts: how often at most, not counting those after which the provider asked for a longer wait than ours.
        first_wait: seconds before the second attempt, about; they double up to 8.
    """

    total: float = 900.0
    attempt: float = 240.0
    attempts: int = 10
    first_wait: float = _FIRST_WAIT

    def wait(self, error: TransientError, failures: int) -> float:
        """Seconds to wait after `failures` failed attempts, drawn at random so that calls spread out."""
        if error.retry_after is not None:
            return error.retry_after + random.uniform(0, self.first_wait)  # noqa: S311  (no secret)
        longest = min(self.first_wait * 2.0 ** (failures - 1), _LONGEST_WAIT)
        return random.uniform(longest / 2, longest)  # noqa: S311


async def answered(
    attempt: Callable[[], Awaitable[T]], *, gate: Gate, patience: Patience, resend_lost: bool = True
) -> T:
    """Attempt a call until it is answered. An answer that arrived, of whatever kind, is never asked for again.

    Args:
        attempt: sends the request once.
        gate: where to wait for a place.
        patience: how long to try.
        resend_lost: whether to send again what may have been done already, its answer lost.

    Raises:
        TransientError: patience ended, or `resend_lost` is False and the answer was lost.
        ClientError: what `attempt` raised.
    """
    async with gate.enter():
        deadline = time.monotonic() + patience.total
        failures = 0
        while True:
            await _wait_open(gate, deadline)
            try:
                return await _once(attempt, gate, min(patience.attempt, deadline - time.monotonic()))
            except TransientError as error:
                failures += (error.retry_after or 0.0) < patience.first_wait
                wait = patience.wait(error, failures)
                hopeless = failures >= patience.attempts or time.monotonic() + wait >= deadline
                if hopeless or (error.lost and not resend_lost):
                    raise
            await asyncio.sleep(wait)


async def _wait_open(gate: Gate, deadline: float) -> None:
    """Wait while the provider wants nothing sent, if that ends before the deadline."""
    while pause := gate.closed_for:
        if time.monotonic() + pause >= deadline:
            raise TransientError(f"the provider asks to wait {pause:.0f} s", status=429, retry_after=pause)
        await asyncio.sleep(pause)


async def _once(attempt: Callable[[], Awaitable[T]], gate: Gate, seconds: float) -> T:
    sent = time.monotonic()
    try:
        async with asyncio.timeout(max(seconds, 0.0)):
            answer = await attempt()
    except TimeoutError as error:
        raise TransientError(f"no answer within {seconds:.0f} s", lost=True) from error
    except TransientError as error:
        if error.throttled:
            gate.throttled(sent)
        if error.retry_after:
            gate.pause(error.retry_after)
        raise
    gate.answered()
    return answer
