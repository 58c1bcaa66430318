"""A store elsewhere whose volume is also mounted here, as in a container on Modal: blobs are read there.

A mount shows the volume as it was when the container began, which is enough for blobs: one that is there never
changes, and whether it is whole its hash says. Everything else, and every write, goes to the store itself, because
what a container writes to a mount others see late, and may never.
"""

import hashlib
from pathlib import Path

from store.files import read_file
from store.keys import parse_blob_key
from store.protocol import Store
from store.wrapped import WrappedStore


class MountedStore(WrappedStore):
    """Another store, blobs read from a folder where they are sound there.

    Args:
        store: the store.
        folder: its root as it is mounted.
    """

    def __init__(self, store: Store, folder: Path) -> None:
        super().__init__(store)
        self._folder = folder

    def get(self, key: str) -> bytes:
        """See `Store.get`."""
        data = self._mounted(key)
        return super().get(key) if data is None else data

    def _mounted(self, key: str) -> bytes | None:
        sha256 = parse_blob_key(key)
        if sha256 is None:
            return None
        try:
            data = read_file(self._folder / key)
        except OSError:  # the store says what is wrong with it
            return None
        return data if data is not None and hashlib.sha256(data).hexdigest() == sha256 else None
