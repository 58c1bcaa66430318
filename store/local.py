"""A store in a folder of this machine (or of a shared file system)."""

import os
from collections.abc import Iterable, Iterator
from pathlib import Path

from data_models.errors import KeyMissingError
from store.files import FileWriter, file_size, read_file, store_errors
from store.protocol import check_key, check_prefix, is_segment


class LocalStore:
    """`store.protocol.Store` over a folder: the key is the path below it.

    Nothing that the folder holds is trusted: symbolic links, pipes and names that are no keys are not there.

    Args:
        root: the folder, absolute. It is made on the first put.
    """

    def __init__(self, root: Path) -> None:
        self.url = str(root)
        self._root = root
        self._writer = FileWriter(root)

    def get(self, key: str) -> bytes:
        """See `Store.get`."""
        path = self._path(key)
        with store_errors(self._root):
            data = read_file(path)
        if data is None:
            raise KeyMissingError(key)
        return data

    def put(self, key: str, data: bytes) -> None:
        """See `Store.put`."""
        self.put_many([(key, data)])

    def put_many(self, items: Iterable[tuple[str, bytes]]) -> None:
        """See `Store.put_many`."""
        self._writer.write_many((self._path(key), data) for key, data in items)

    def size(self, key: str) -> int | None:
        """See `Store.size`."""
        path = self._path(key)
        with store_errors(self._root):
            return file_size(path)

    def keys(self, prefix: str = "") -> Iterator[str]:
        """See `Store.keys`."""
        folder = check_prefix(prefix)
        with store_errors(self._root):
            yield from _walk(str(self._root / folder), f"{folder}/" if folder else "")

    def folders(self, prefix: str = "") -> Iterator[str]:
        """See `Store.folders`."""
        folder = check_prefix(prefix)
        with store_errors(self._root):
            yield from sorted(name for name, is_folder in _entries(str(self._root / folder)) if is_folder)

    def delete(self, key: str) -> None:
        """See `Store.delete`."""
        path = self._path(key)
        with store_errors(self._root):
            if file_size(path) is not None:
                path.unlink(missing_ok=True)

    def local_path(self, key: str) -> Path | None:
        """See `Store.local_path`."""
        return self._path(key) if self.size(key) is not None else None

    def sweep(self) -> int:
        """Remove temporary files that killed writers left a day ago or more; how many there were."""
        return self._writer.sweep()

    def _path(self, key: str) -> Path:
        return self._root / check_key(key)


def _walk(folder: str, prefix: str) -> Iterator[str]:
    """Keys below a folder in code-point order: a folder sorts as its name with the "/" that follows it."""
    entries = sorted(name + "/" if is_folder else name for name, is_folder in _entries(folder))
    for name in entries:
        if name.endswith("/"):
            yield from _walk(f"{folder}/{name[:-1]}", prefix + name)
        else:
            yield prefix + name


def _entries(folder: str) -> Iterator[tuple[str, bool]]:
    """(name, is it a folder) of what may be part of a key."""
    try:
        with os.scandir(folder) as entries:
            for entry in entries:
                if not is_segment(entry.name):
                    continue
                if entry.is_dir(follow_symlinks=False):
                    yield entry.name, True
                elif entry.is_file(follow_symlinks=False):
                    yield entry.name, False
    except (FileNotFoundError, NotADirectoryError):
        return
