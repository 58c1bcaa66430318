"""Folders for what is made on the way and holds words of sessions: each goes, whoever looks into it or was killed."""

import errno
import fcntl
import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

_PREFIX = "rlm-context-tmp-"
_TRIES = 10


@contextmanager
def temporary_folder() -> Iterator[Path]:
    """A private folder in the system's place for temporary files; it goes with the block.

    Where the process is killed, it goes with the next one's: whoever uses a folder holds a lock (flock) on it.
    """
    remove_abandoned()
    made = Path(tempfile.mkdtemp(prefix=f".{_PREFIX}"))
    lock = os.open(made, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        fcntl.flock(lock, fcntl.LOCK_EX)
        folder = made.rename(made.with_name(made.name[1:]))  # nobody looks for it before it is locked
        try:
            yield folder
        finally:
            remove_folder(folder)
    finally:
        os.close(lock)


def remove_abandoned() -> None:
    """Remove this user's temporary folders that no process uses any more.

    Raises:
        OSError: one of them cannot be removed.
    """
    for folder in Path(tempfile.gettempdir()).glob(f"{_PREFIX}*"):
        with suppress(FileNotFoundError, NotADirectoryError):  # its process removed it, or it is none of ours
            _remove_if_abandoned(folder)


def _remove_if_abandoned(folder: Path) -> None:
    if folder.lstat().st_uid != os.getuid():
        return
    lock = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC)
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        remove_folder(folder)
    except BlockingIOError:
        pass  # its process lives
    finally:
        os.close(lock)


def remove_folder(folder: Path) -> None:
    """Remove a folder and all that it holds; one that is not there is not missed.

    Whoever has a search index open, a thread of tantivy's in this process too, leaves a lock's file in its folder each
    time that he looks whether it has changed: also between the moment that the folder is empty and the moment that it
    goes.

    Raises:
        OSError: it cannot be removed.
    """
    for left in reversed(range(_TRIES)):
        try:
            return shutil.rmtree(folder)
        except FileNotFoundError:
            return  # another process removes it too
        except OSError as error:
            if error.errno != errno.ENOTEMPTY or not left:
                raise
