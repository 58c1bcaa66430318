"""Waiting in tests: for what is looked at, with a deadline, and never for a time."""

import asyncio
import time
from collections.abc import Callable
from typing import TypeVar

T = TypeVar("T")

PATIENCE = 60.0
"""Seconds after which a test stops waiting; far more than is ever needed on an idle machine."""


def until(look: Callable[[], T | None], patience: float = PATIENCE, step: float = 0.02) -> T:
    """What `look` gives once that is something (true, not empty); it fails after so many seconds.

    Args:
        look: is called again and again.
        patience: seconds after which waiting fails.
        step: seconds between two looks; more where a look costs a busy server something.
    """
    deadline = time.monotonic() + patience
    while not (found := look()):
        assert time.monotonic() < deadline, "waited in vain"
        time.sleep(step)  # the pause between two looks, and nothing rests on its length
    return found


async def until_async(look: Callable[[], object], patience: float = PATIENCE) -> None:
    """`until` where an event loop has to go on meanwhile: it returns once `look` gives something."""
    deadline = time.monotonic() + patience
    while not look():
        assert time.monotonic() < deadline, "waited in vain"
        await asyncio.sleep(0.01)  # the pause between two looks, and nothing rests on its length


async def turns() -> None:
    """Let the event loop do what it has begun: a connection is a handful of its turns from accepted to served."""
    for _ in range(20):
        await asyncio.sleep(0)
