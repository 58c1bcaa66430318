"""A store elsewhere whose volume is also mounted here, as in a container on Modal: blobs are read there.

A mount shows the volume as it was when the container began, which is enough for blobs: one that is there never
changes, and whether it is whole its hash says. Everything else, and every write, goes to the store itself, because
what a container writes to a mount others see late, and may never.
"""

import hashlib
import re
from collections.abc import Iterable, Iterator
from pathlib import Path

from store.files import read_file
from store.protocol import Store

_BLOB = re.compile(r"blobs/sha256/([0-9a-f]{2})/(\1[0-9a-f]{62})")


class MountedStore:
    """`store.protocol.Store` over another one, blobs read from a folder where they are sound there.

    Args:
        store: the store.
        folder: its root as it is mounted.
    """

    def __init__(self, store: Store, folder: Path) -> None:
        self.url = store.url
        self._store = store
        self._folder = folder

    def get(self, key: str) -> bytes:
        """See `Store.get`."""
        data = self._mounted(key)
        return self._store.get(key) if data is None else data

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
        """See `Store.local_path`: never here, since the mount may not show it yet."""
        return self._store.local_path(key)

    def _mounted(self, key: str) -> bytes | None:
        blob = _BLOB.fullmatch(key)
        if blob is None:
            return None
        try:
            data = read_file(self._folder / key)
        except OSError:  # the store says what is wrong with it
            return None
        return data if data is not None and hashlib.sha256(data).hexdigest() == blob[2] else None
