"""Writing files so that they survive: temporary name, fsync, rename, fsync of the folder.

The one place that knows how; the local store and the spool stand on it. POSIX: rename(2) replaces atomically
inside one file system, and a new name is durable only once its folder was synced (fsync(2), NOTES). What a
drive keeps in its own cache is not covered where fsync does not flush it (macOS).
"""

import errno
import os
import secrets
import stat
import time
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from itertools import islice
from pathlib import Path

from data_models.errors import StoreError, StoreFullError

TEMPORARY_AGE = 24 * 3600.0
"""Seconds after which a temporary file is taken for the leftover of a killed writer."""

_BATCH = 128
"""Files written before the first is synced: the first sync carries most of the others with it."""

_NO_SPACE = frozenset({errno.ENOSPC, errno.EDQUOT, errno.EFBIG})
_NOT_ALLOWED = frozenset({errno.EACCES, errno.EPERM, errno.EROFS})


class FileWriter:
    """Writes files below `root` durably and atomically; temporary names live in `root/.tmp`.

    Safe to use from several threads and processes at once. Files are 0600, folders 0700.
    """

    def __init__(self, root: Path) -> None:
        self.root = root
        self.temporary = root / ".tmp"
        self._known: set[Path] = set()

    def write_many(self, items: Iterable[tuple[Path, bytes]]) -> None:
        """Write each file; when it returns, all of them survive a crash of the machine.

        Raises:
            StoreFullError: no space, or not allowed.
            StoreError: any other failure of the file system.
        """
        iterator = iter(items)
        with store_errors(self.root):
            while batch := list(islice(iterator, _BATCH)):
                self._write_batch(batch)

    def sweep(self) -> int:
        """Remove what killed writers left behind long ago; how many files that were."""
        swept = 0
        oldest = time.time() - TEMPORARY_AGE
        # Leftovers only cost space: a store that may not be written is still to be read.
        with suppress(OSError):
            for path in self.temporary.iterdir():
                if path.stat(follow_symlinks=False).st_mtime < oldest:
                    path.unlink()
                    swept += 1
        return swept

    def make_folder(self, folder: Path) -> None:
        """Make a folder and its parents, durably; cheap from the second time on."""
        unsynced: set[Path] = set()
        self._make_folder(folder, unsynced)
        self._sync_folders(unsynced)
        self._known.add(folder)

    def _write_batch(self, batch: list[tuple[Path, bytes]]) -> None:
        pending: list[tuple[Path, Path, int]] = []
        unsynced: set[Path] = set()
        try:
            self._make_folder(self.temporary, unsynced)
            for target, data in batch:
                self._make_folder(target.parent, unsynced)
                temporary = self.temporary / f"{secrets.token_hex(8)}.{os.getpid()}"
                pending.append((temporary, target, _write_new(temporary, data)))
            for _, _, descriptor in pending:
                os.fsync(descriptor)
            for temporary, target, _ in pending:
                temporary.replace(target)
        finally:
            for temporary, _, descriptor in pending:
                os.close(descriptor)
                temporary.unlink(missing_ok=True)
        folders = {target.parent for target, _ in batch}
        self._sync_folders(unsynced | folders)
        # Only now: another thread must not take for durable what is not yet synced.
        self._known |= folders | {self.temporary}

    def _make_folder(self, folder: Path, unsynced: set[Path]) -> None:
        """Make a folder; adds to `unsynced` the folders whose sync makes its name durable."""
        if folder in self._known:
            return
        is_there = folder.is_dir()
        if not is_there:
            self._make_folder(folder.parent, unsynced)
            with suppress(FileExistsError):
                folder.mkdir(mode=0o700)
        # Inside the root also where another process made it: it may not have synced the name yet.
        if not is_there or self.root in folder.parents:
            unsynced.add(folder.parent)

    def _sync_folders(self, folders: set[Path]) -> None:
        for folder in sorted(folders):
            sync_folder(folder)


def _write_new(path: Path, data: bytes) -> int:
    """Write a new file and leave it open; the descriptor."""
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC | os.O_NOFOLLOW, 0o600)
    try:
        view = memoryview(data)
        while view:
            view = view[os.write(descriptor, view) :]
    except BaseException:
        os.close(descriptor)
        path.unlink()
        raise
    return descriptor


def read_file(path: Path) -> bytes | None:
    """The bytes of a regular file, or None if there is none: no symbolic link, folder or pipe is followed."""
    descriptor = -1
    try:
        # O_NONBLOCK: opening a pipe that someone planted must not hang.
        descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC | os.O_NOFOLLOW | os.O_NONBLOCK)
        if not stat.S_ISREG(os.fstat(descriptor).st_mode):
            return None
        with os.fdopen(descriptor, "rb", closefd=False) as file:
            return file.read()
    except OSError as error:
        if error.errno in _ABSENT:
            return None
        raise
    finally:
        if descriptor >= 0:
            os.close(descriptor)


def file_size(path: Path) -> int | None:
    """The size of a regular file in bytes, or None if there is none."""
    try:
        status = path.stat(follow_symlinks=False)
    except OSError as error:
        if error.errno in _ABSENT:
            return None
        raise
    return status.st_size if stat.S_ISREG(status.st_mode) else None


_ABSENT = frozenset({errno.ENOENT, errno.ENOTDIR, errno.EISDIR, errno.ELOOP, errno.ENXIO, errno.ENAMETOOLONG})


def sync_folder(folder: Path) -> None:
    """Make the names in a folder durable."""
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


@contextmanager
def store_errors(root: Path) -> Iterator[None]:
    """Turn failures of the file system below `root` into store errors that say what to do."""
    try:
        yield
    except OSError as error:
        reason = error.strerror or type(error).__name__
        if error.errno in _NO_SPACE:
            raise StoreFullError(
                f"no space left to write {root}: {reason}",
                next_command=f"free space (df -h {root}), then run the same command again",
                partial=True,
            ) from error
        if error.errno in _NOT_ALLOWED:
            raise StoreFullError(
                f"not allowed to use {root}: {reason}",
                next_command=f"ls -ld {root}, then run the same command again",
                partial=True,
            ) from error
        raise StoreError(f"{root} cannot be used: {reason}", next_command="rlm-context doctor") from error
