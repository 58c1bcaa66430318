"""A store elsewhere with copies on this machine, so that nothing comes down twice that cannot be out of date.

These are blobs, whose name is their hash, and results in memo, of which any sound one will do: both show by themselves
whether they are whole. Nothing rests on the copies: they may vanish at any moment (another process makes room, someone
empties the folder), and a damaged one is fetched anew. What is written is not copied, so that what we sent up is read
back from the store once before it is trusted.
"""

import hashlib
import os
import secrets
import threading
import time
from collections.abc import Iterable, Iterator
from contextlib import suppress
from pathlib import Path

from store.files import read_file
from store.keys import parse_blob_key, parse_memo_key
from store.memo import is_result
from store.protocol import Store
from store.wrapped import WrappedStore

_CONFIRMED_FOR = 300.0
"""Seconds for which a process believes that the store still holds what it has seen there."""


class CopyCache:
    """Copies of objects in a folder, `<2 digits>/<sha256 of the key>`, the least recently used removed.

    Safe to use from several threads and processes: a copy appears whole, and what vanishes is fetched again. The
    bound may be exceeded by what other processes add within a moment, by an eighth of it at most for each.

    Args:
        folder: it is made when something is added.
        bound: bytes that the copies may take; a larger object than an eighth of it is not kept.
    """

    def __init__(self, folder: Path, bound: int) -> None:
        self._folder = folder
        self._bound = bound
        self._lock = threading.Lock()
        self._unseen = bound  # bytes added since the folder was last measured; at first nobody has

    def read(self, key: str) -> bytes | None:
        """The copy of the object under this key, or None; a damaged one is removed."""
        path = self._path(key)
        data = _read(path)
        if data is None:
            return None
        is_sound = _is_sound(key, data)
        with suppress(OSError):  # gone meanwhile, or a home that may only be read
            if is_sound:
                os.utime(path)
            else:
                path.unlink()
        return data if is_sound else None

    def add(self, key: str, data: bytes) -> None:
        """Keep a copy of an object, if it is sound and can be kept: a full disk costs the copy and no more."""
        if len(data) * 8 > self._bound or not _is_sound(key, data):
            return
        with suppress(OSError):
            self._write(self._path(key), data)
            with self._lock:
                self._unseen += len(data)
                if self._unseen * 8 < self._bound:
                    return
                self._unseen = 0
            self._make_room()

    def drop(self, key: str) -> None:
        """Forget the copy of an object."""
        with suppress(OSError):
            self._path(key).unlink()

    def _path(self, key: str) -> Path:
        digest = hashlib.sha256(key.encode()).hexdigest()
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


class CachedStore(WrappedStore):
    """Another store, blobs and results read through a cache on this machine.

    A copy is given only if the store itself still holds the object, which each process asks at most once in five
    minutes: what is lost up there must not look sound down here.
    """

    def __init__(self, store: Store, cache: CopyCache) -> None:
        super().__init__(store)
        self._cache = cache
        self._confirmed: dict[str, float] = {}

    def get(self, key: str) -> bytes:
        """See `Store.get`."""
        copy = self._cache.read(key) if _may_be_copied(key) else None
        if copy is not None and self._is_there(key, len(copy)):
            return copy
        data = super().get(key)
        if _may_be_copied(key):
            self._confirmed[key] = time.monotonic()
            self._cache.add(key, data)
        return data

    def put(self, key: str, data: bytes) -> None:
        """See `Store.put`."""
        self._forget(key)
        super().put(key, data)

    def put_many(self, items: Iterable[tuple[str, bytes]]) -> None:
        """See `Store.put_many`."""
        super().put_many(self._forgetting(items))

    def delete(self, key: str) -> None:
        """See `Store.delete`."""
        self._forget(key)
        super().delete(key)

    def _forgetting(self, items: Iterable[tuple[str, bytes]]) -> Iterator[tuple[str, bytes]]:
        for key, data in items:
            self._forget(key)
            yield key, data

    def _forget(self, key: str) -> None:
        if _may_be_copied(key):
            self._confirmed.pop(key, None)
            self._cache.drop(key)

    def _is_there(self, key: str, size: int) -> bool:
        now = time.monotonic()
        if now - self._confirmed.get(key, -_CONFIRMED_FOR) < _CONFIRMED_FOR:
            return True
        if self.size(key) != size:
            return False
        self._confirmed[key] = now
        return True


def _may_be_copied(key: str) -> bool:
    return parse_blob_key(key) is not None or parse_memo_key(key) is not None


def _is_sound(key: str, data: bytes) -> bool:
    sha256 = parse_blob_key(key)
    return hashlib.sha256(data).hexdigest() == sha256 if sha256 else is_result(key, data)


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
