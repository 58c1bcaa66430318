"""A store elsewhere with copies of its blobs on this machine, so that nothing immutable comes down twice.

Only blobs are copied: their name is their hash, so a copy can never be out of date. Nothing rests on the copies:
they may vanish at any moment (another process makes room, someone empties the folder), and a damaged one is fetched
anew. What is written is not copied, so that what we sent up is read back from the store once before it is trusted.
"""

import hashlib
import os
import re
import secrets
import threading
import time
from collections.abc import Iterable, Iterator
from contextlib import suppress
from pathlib import Path

from store.files import read_file
from store.protocol import Store

_BLOB = re.compile(r"blobs/sha256/([0-9a-f]{2})/(\1[0-9a-f]{62})")

_CONFIRMED_FOR = 300.0
"""Seconds for which a process believes that the store still holds what it has seen there."""


class BlobCache:
    """Copies of blobs in a folder, `<2 digits>/<sha256>`, the least recently used removed to keep to a bound.

    Safe to use from several threads and processes: a copy appears whole, and what vanishes is fetched again. The
    bound may be exceeded by what other processes add within a moment, by an eighth of it at most for each.

    Args:
        folder: it is made when something is added.
        bound: bytes that the copies may take; a larger blob than an eighth of it is not kept.
    """

    def __init__(self, folder: Path, bound: int) -> None:
        self._folder = folder
        self._bound = bound
        self._lock = threading.Lock()
        self._unseen = bound  # bytes added since the folder was last measured; at first nobody has

    def read(self, digest: str) -> bytes | None:
        """The blob with this SHA-256 (hex), or None; a damaged copy is removed."""
        path = self._path(digest)
        data = _read(path)
        if data is None:
            return None
        with suppress(OSError):  # gone meanwhile, or a home that may only be read
            if hashlib.sha256(data).hexdigest() != digest:
                path.unlink()
                return None
            os.utime(path)
        return data

    def add(self, digest: str, data: bytes) -> None:
        """Keep a copy of the blob with this SHA-256, if it can be kept: a full disk costs the copy and no more."""
        if len(data) * 8 > self._bound:
            return
        with suppress(OSError):
            self._write(self._path(digest), data)
            with self._lock:
                self._unseen += len(data)
                if self._unseen * 8 < self._bound:
                    return
                self._unseen = 0
            self._make_room()

    def drop(self, digest: str) -> None:
        """Forget the copy of a blob."""
        with suppress(OSError):
            self._path(digest).unlink()

    def _path(self, digest: str) -> Path:
        return self._folder / digest[:2] / digest

    def _write(self, path: Path, data: bytes) -> None:
        # Not synced: after a crash of the machine a copy may be torn, which its hash shows.
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        temporary = path.with_name(f".{secrets.token_hex(8)}")
        try:
            with open(temporary, "xb", opener=lambda name, flags: os.open(name, flags, 0o600)) as file:
                file.write(data)
            temporary.replace(path)
        finally:
            temporary.unlink(missing_ok=True)

    def _make_room(self) -> None:
        """Remove the copies that were not used for longest; leftovers of killed writers are among them."""
        found = sorted(_files(self._folder))
        excess = sum(size for _, size, _ in found) - self._bound * 7 // 8
        for _, size, path in found:
            if excess <= 0:
                return
            path.unlink(missing_ok=True)
            excess -= size


class CachedStore:
    """`store.protocol.Store` over another one, blobs read through a cache on this machine.

    A copy is given only if the store itself still holds that blob, which each process asks at most once in five
    minutes: a blob that is lost up there must not look sound down here.
    """

    def __init__(self, store: Store, cache: BlobCache) -> None:
        self.url = store.url
        self._store = store
        self._cache = cache
        self._confirmed: dict[str, float] = {}

    def get(self, key: str) -> bytes:
        """See `Store.get`."""
        match = _BLOB.fullmatch(key)
        if match is None:
            return self._store.get(key)
        digest = match[2]
        copy = self._cache.read(digest)
        if copy is not None and self._is_there(key, len(copy)):
            return copy
        data = self._store.get(key)
        if hashlib.sha256(data).hexdigest() == digest:
            self._confirmed[key] = time.monotonic()
            self._cache.add(digest, data)
        return data

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
        self._confirmed.pop(key, None)
        match = _BLOB.fullmatch(key)
        if match is not None:
            self._cache.drop(match[2])

    def local_path(self, key: str) -> Path | None:
        """See `Store.local_path`: never here, since a copy may vanish while it is read."""
        return self._store.local_path(key)

    def _is_there(self, key: str, size: int) -> bool:
        now = time.monotonic()
        if now - self._confirmed.get(key, -_CONFIRMED_FOR) < _CONFIRMED_FOR:
            return True
        if self._store.size(key) != size:
            return False
        self._confirmed[key] = now
        return True


def _read(path: Path) -> bytes | None:
    try:
        return read_file(path)
    except OSError:  # a home that cannot be read: as if there were no copy
        return None


def _files(folder: Path) -> Iterator[tuple[float, int, Path]]:
    """(last used, size, path) of every file two levels down."""
    for path in folder.glob("*/*"):
        with suppress(FileNotFoundError):
            status = path.stat(follow_symlinks=False)
            yield status.st_mtime, status.st_size, path
