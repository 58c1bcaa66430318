"""Waiting in tests: for what is looked at, with a deadline, and never for a time."""

import time
from collections.abc import Callable
from typing import TypeVar

T = TypeVar("T")

PATIENCE = 60.0
"""Seconds after which a test stops waiting; far more than is ever needed on an idle machine."""


def until(look: Callable[[], T | None], patience: float = PATIENCE) -> T:
    """What `look` gives once that is something (true, not empty); it fails after so many seconds."""
    deadline = time.monotonic() + patience
    while not (found := look()):
        assert time.monotonic() < deadline, "waited in vain"
        time.sleep(0.02)
    return found
