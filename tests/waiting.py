"""Waiting in tests: for what is looked at, with a deadline, and never for a time."""

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
