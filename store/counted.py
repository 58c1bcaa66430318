"""A store that counts the bytes that go through it, for reports."""

import threading
from collections.abc import Iterable, Iterator

from store.protocol import Store
from store.wrapped import WrappedStore


class CountedStore(WrappedStore):
    """Another store with counts of bytes put and got; safe to use from several threads."""

    def __init__(self, store: Store) -> None:
        super().__init__(store)
        self._lock = threading.Lock()
        self.written = 0
        self.read = 0

    def get(self, key: str) -> bytes:
        """See `Store.get`."""
        data = super().get(key)
        with self._lock:
            self.read += len(data)
        return data

    def put(self, key: str, data: bytes) -> None:
        """See `Store.put`."""
        super().put(key, data)
        self._add(len(data))

    def put_many(self, items: Iterable[tuple[str, bytes]]) -> None:
        """See `Store.put_many`."""
        super().put_many(self._counting(items))

    def _counting(self, items: Iterable[tuple[str, bytes]]) -> Iterator[tuple[str, bytes]]:
        for key, data in items:
            self._add(len(data))
            yield key, data

    def _add(self, size: int) -> None:
        with self._lock:
            self.written += size
