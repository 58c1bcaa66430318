"""A store that counts the bytes that go through it, for reports."""

import threading
from collections.abc import Iterable, Iterator
from pathlib import Path

from store.protocol import Store


class CountedStore:
    """Another store with counts of bytes put and got; safe to use from several threads."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._lock = threading.Lock()
        self.url = store.url
        self.written = 0
        self.read = 0

    def get(self, key: str) -> bytes:
        """See `Store.get`."""
        data = self._store.get(key)
        with self._lock:
            self.read += len(data)
        return data

    def put(self, key: str, data: bytes) -> None:
        """See `Store.put`."""
        self._store.put(key, data)
        self._add(len(data))

    def put_many(self, items: Iterable[tuple[str, bytes]]) -> None:
        """See `Store.put_many`."""
        self._store.put_many(self._counting(items))

    def size(self, key: str) -> int | None:
        """See `Store.size`."""
        return self._store.size(key)

    def keys(self, prefix: str = "") -> Iterator[str]:
        """See `Store.keys`."""
        return self._store.keys(prefix)

    def folders(self, prefix: str = "") -> Iterator[str]:
        """See `Store.folders`."""
        return self._store.folders(prefix)

    def delete(self, key: str) -> None:
        """See `Store.delete`."""
        self._store.delete(key)

    def local_path(self, key: str) -> Path | None:
        """See `Store.local_path`."""
        return self._store.local_path(key)

    def _counting(self, items: Iterable[tuple[str, bytes]]) -> Iterator[tuple[str, bytes]]:
        for key, data in items:
            self._add(len(data))
            yield key, data

    def _add(self, size: int) -> None:
        with self._lock:
            self.written += size
