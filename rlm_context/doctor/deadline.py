"""Looking at what may never answer."""

import threading
from collections.abc import Callable
from typing import TypeVar

_T = TypeVar("_T")


def within(seconds: float, look: Callable[[], _T]) -> _T:
    """What `look` returns or raises.

    Raises:
        TimeoutError: that took longer; it goes on in a thread that ends with this process.
    """
    results: list[_T] = []
    errors: list[BaseException] = []

    def run() -> None:
        try:
            results.append(look())
        except BaseException as error:  # noqa: BLE001  raised again by who waits for it
            errors.append(error)

    thread = threading.Thread(target=run, daemon=True)
    thread.start()
    thread.join(seconds)
    if errors:
        raise errors[0]
    if not results:
        raise TimeoutError
    return results[0]
