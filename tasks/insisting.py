"""Calls of tasks that outlast a Prefect server that is away for a while.

Prefect takes and gives back the places of a task run under its tags' limits outside of what it tries again, and its
client gives up at once where the first connection of a place is refused. So a server that starts anew would fail the
runs that it is for, whatever they had done.
"""

import asyncio
import random
from collections.abc import Awaitable, Callable
from http import HTTPStatus
from typing import TypeVar

from httpx import HTTPError, HTTPStatusError
from prefect.concurrency.asyncio import ConcurrencySlotAcquisitionError
from prefect.logging import get_run_logger

T = TypeVar("T")

_AROUND: tuple[type[Exception], ...] = (ConcurrencySlotAcquisitionError, HTTPError)
"""What Prefect raises before a task, and after it."""
_DELAYS = (1.0, 2.0, 4.0, 8.0, 15.0, 30.0, 60.0)
"""Seconds between two calls: a server starts in ten, and one on SQLite that was busy answers after half a minute."""


async def insist(call: Callable[[], Awaitable[T]], *, may_repeat: bool = True) -> T:
    """Call a task, again where Prefect failed before or after it: memo knows what it had done.

    Args:
        call: calls the task.
        may_repeat: whether also where it was done, and what it said is lost: what it had spent is not known then.

    Raises:
        ConcurrencySlotAcquisitionError, HTTPError: the server stays away, or refuses.
    """
    failures = _AROUND if may_repeat else (ConcurrencySlotAcquisitionError,)
    for delay in _DELAYS:
        try:
            return await call()
        except failures as error:
            if _lasts(error):
                raise
            pause = delay * random.uniform(0.5, 1.0)  # noqa: S311  no secret: tasks need not all come back at once
            get_run_logger().warning(
                "the Prefect server failed around a task (%s); again in %.1f s", type(error).__name__, pause
            )
            await asyncio.sleep(pause)
    return await call()


def _lasts(error: Exception) -> bool:
    """Whether the server refused, which it would again: neither busy (429) nor failing (5xx)."""
    status = error.response.status_code if isinstance(error, HTTPStatusError) else 0
    return (
        bool(status) and status < HTTPStatus.INTERNAL_SERVER_ERROR and status != HTTPStatus.TOO_MANY_REQUESTS
    )
