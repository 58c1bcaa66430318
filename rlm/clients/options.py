"""What every client is opened with, and what it keeps for each event loop."""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Generic, TypeVar
from weakref import WeakKeyDictionary

from rlm.clients.patience import Patience

T = TypeVar("T")

CONNECT_SECONDS = 10.0  # a server that does not even accept a connection is not working on an answer


@dataclass(frozen=True, slots=True)
class Options:
    """How to reach a provider.

    Attributes:
        base_url: where it is; None is the provider's own choice (its environment variable, then its service).
        api_key: None is the provider's own choice too. Never shown.
        at_once: calls in flight at best; the provider's answers may lower it.
        patience: how long to try.
    """

    base_url: str | None = None
    api_key: str | None = field(default=None, repr=False)
    at_once: int = 50
    patience: Patience = field(default_factory=Patience)


class PerLoop(Generic[T]):
    """One object for each event loop: connections and locks cannot be shared by several.

    Args:
        make: makes one.
        ready: those that were made already, for the first loops that ask.
    """

    def __init__(self, make: Callable[[], T], *ready: T) -> None:
        self._make = make
        self._ready = list(ready)
        self._made: WeakKeyDictionary[asyncio.AbstractEventLoop, T] = WeakKeyDictionary()

    def get(self) -> T:
        """The running loop's object."""
        loop = asyncio.get_running_loop()
        if loop not in self._made:
            self._made[loop] = self._ready.pop() if self._ready else self._make()
        return self._made[loop]

    def pop(self) -> T | None:
        """The running loop's object, if it has one; it has none from then on."""
        return self._made.pop(asyncio.get_running_loop(), None)
