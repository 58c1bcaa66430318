"""Asynchronous work with a deadline of ours, called from synchronous code.

It runs on an event loop of this process's own, and the caller stops waiting at the deadline, whether or not the work
lets itself be cancelled: a library that goes on trying for a minute holds nobody up.
"""

import asyncio
import threading
from collections.abc import Callable, Coroutine
from functools import cache
from time import monotonic
from typing import Any, TypeVar

_T = TypeVar("_T")

Arrived = Callable[[], None]
"""What the work calls whenever something arrived."""


class DeadlineError(Exception):
    """Nothing arrived in time; the work was told to stop."""


def run(work: Callable[[Arrived], Coroutine[Any, Any, _T]], seconds: float) -> _T:
    """The result of `work`, if never more than so many seconds pass without anything arriving.

    Raises:
        DeadlineError: more than that passed.
    """
    last = monotonic()

    def arrived() -> None:
        nonlocal last
        last = monotonic()

    future = asyncio.run_coroutine_threadsafe(work(arrived), _loop())
    try:
        while True:
            try:
                return future.result(max(last + seconds - monotonic(), 0))
            except TimeoutError as error:
                if future.done():  # done at this moment, or with a TimeoutError of its own
                    return future.result()
                if last + seconds <= monotonic():
                    raise DeadlineError(f"nothing arrived for {seconds:g} s") from error
    finally:
        future.cancel()


@cache
def _loop() -> asyncio.AbstractEventLoop:
    loop = asyncio.new_event_loop()
    threading.Thread(target=loop.run_forever, name="store deadlines", daemon=True).start()
    return loop
