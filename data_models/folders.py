"""Folders for what is made on the way and holds words of sessions: each goes, whoever looks into it or was killed."""

import errno
import fcntl
import hashlib
import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

_MACHINE = hashlib.blake2b(os.uname().nodename.encode(), digest_size=4).hexdigest()
_PREFIX = f"rlm-context-tmp-{_MACHINE}-"
"""With the machine's name: on a file system that several share, a lock may be known to its own machine only."""
_FOLDER = os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC
_TRIES = 10


@contextmanager
def temporary_folder() -> Iterator[Path]:
    """A private folder in the system's place for temporary files; it goes with the block.

    Where the process is killed, it goes with the next one's: whoever uses a folder holds a lock (flock) on it.

    Raises:
        OSError: it cannot be made or removed.
    """
    with suppress(
        OSError
    ):  # of others' folders: whoever forgets sessions is told, and a compile needs only its own
        remove_abandoned()
    folder, lock = _locked()
    try:
        yield folder
    finally:
        try:
            remove_folder(folder)
        finally:
            os.close(lock)


def _locked() -> tuple[Path, int]:
    """A new folder, and the descriptor that holds its lock."""
    made = Path(tempfile.mkdtemp(prefix=f".{_PREFIX}"))
    lock = os.open(made, _FOLDER)
    try:
        fcntl.flock(lock, fcntl.LOCK_EX)
        return made.rename(made.with_name(made.name[1:])), lock  # nobody looks for it before it is locked
    except OSError:
        os.close(lock)
        made.rmdir()
        raise


def remove_abandoned() -> None:
    """Remove this user's temporary folders that no process of this machine uses any more.

    Raises:
        OSError: one of them cannot be removed; the others are gone.
    """
    failed: OSError | None = None
    for folder in Path(tempfile.gettempdir()).glob(f"{_PREFIX}*"):
        try:
            _remove_if_abandoned(folder)
        except (FileNotFoundError, NotADirectoryError):
            pass  # its process removed it, or it is none of ours
        except OSError as error:
            failed = failed or error
    if failed:
        raise failed


def _remove_if_abandoned(folder: Path) -> None:
    if folder.lstat().st_uid != os.getuid():
        return
    lock = os.open(folder, _FOLDER | os.O_NOFOLLOW)
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
        except OSError as error:
            if not os.path.lexists(folder):
                return  # another process removed it too
            if error.errno not in (errno.ENOTEMPTY, errno.ENOENT) or not left:
                raise
