"""A store that hands everything on to another one, for those that do a little more."""

from collections.abc import Iterable, Iterator
from pathlib import Path

from store.protocol import Store


class WrappedStore:
    """`store.protocol.Store` over another one; a subclass overrides what it does otherwise."""

    def __init__(self, store: Store) -> None:
        self.url = store.url
        self._store = store

    @property
    def itself(self) -> Store:
        """The store below all that is wrapped around it, copies and mounts too."""
        return self._store.itself if isinstance(self._store, WrappedStore) else self._store

    def get(self, key: str) -> bytes:
        """See `Store.get`."""
        return self._store.get(key)

    def put(self, key: str, data: bytes) -> None:
        """See `Store.put`."""
        self._store.put(key, data)

    def put_many(self, items: Iterable[tuple[str, bytes]]) -> None:
        """See `Store.put_many`."""
        self._store.put_many(items)

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
        """See `Store.local_path`: never among copies or in a mount, which may lack what the store has."""
        return self._store.local_path(key)
