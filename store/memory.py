"""A store in memory, for tests: the same contracts, gone with the process."""

import threading
from collections.abc import Iterable, Iterator
from pathlib import Path

from data_models.errors import KeyMissingError
from store.protocol import check_key, check_prefix


class MemoryStore:
    """`store.protocol.Store` over a dictionary; safe to use from several threads."""

    def __init__(self, url: str = "memory://") -> None:
        self.url = url
        self._objects: dict[str, bytes] = {}
        self._lock = threading.Lock()

    def get(self, key: str) -> bytes:
        """See `Store.get`."""
        try:
            return self._objects[check_key(key)]
        except KeyError:
            raise KeyMissingError(key) from None

    def put(self, key: str, data: bytes) -> None:
        """See `Store.put`."""
        with self._lock:
            self._objects[check_key(key)] = bytes(data)

    def put_many(self, items: Iterable[tuple[str, bytes]]) -> None:
        """See `Store.put_many`."""
        for key, data in items:
            self.put(key, data)

    def size(self, key: str) -> int | None:
        """See `Store.size`."""
        data = self._objects.get(check_key(key))
        return None if data is None else len(data)

    def keys(self, prefix: str = "") -> Iterator[str]:
        """See `Store.keys`."""
        folder = check_prefix(prefix)
        start = f"{folder}/" if folder else ""
        with self._lock:
            found = sorted(key for key in self._objects if key.startswith(start))
        yield from found

    def folders(self, prefix: str = "") -> Iterator[str]:
        """See `Store.folders`."""
        folder = check_prefix(prefix)
        start = len(folder) + 1 if folder else 0
        below = (key[start:] for key in self.keys(prefix))
        yield from sorted({rest.split("/", 1)[0] for rest in below if "/" in rest})

    def delete(self, key: str) -> None:
        """See `Store.delete`."""
        with self._lock:
            self._objects.pop(check_key(key), None)

    def local_path(self, key: str) -> Path | None:
        """See `Store.local_path`: never here."""
        check_key(key)
        return None
