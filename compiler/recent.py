"""What was read last, kept up to a bound: for values that are looked at again, and too large to keep them all."""

import threading
from collections import OrderedDict
from collections.abc import Callable, Hashable
from typing import Generic, TypeVar

K = TypeVar("K", bound=Hashable)
V = TypeVar("V")


class Recent(Generic[K, V]):
    """Loads values by key and keeps those used last; the newest stays, whatever it weighs.

    Safe to use from several threads; one value is loaded at a time.

    Args:
        load: reads a value.
        weigh: what a value takes, in the unit of `bound`.
        bound: what the values kept may weigh together.
    """

    def __init__(self, load: Callable[[K], V], weigh: Callable[[V], int], bound: int) -> None:
        self._load = load
        self._weigh = weigh
        self._room = bound
        self._kept: OrderedDict[K, tuple[V, int]] = OrderedDict()
        self._lock = threading.Lock()

    def __call__(self, key: K) -> V:
        """The value under `key`; raises what `load` raises."""
        with self._lock:
            if key in self._kept:
                self._kept.move_to_end(key)
                return self._kept[key][0]
            value = self._load(key)
            weight = self._weigh(value)
            self._room -= weight
            while self._room < 0 and self._kept:
                self._room += self._kept.popitem(last=False)[1][1]
            self._kept[key] = (value, weight)
            return value
