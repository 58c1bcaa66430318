"""Removing a folder that holds a search index, whoever looks into it meanwhile.

Whoever has such an index open, a thread of tantivy's in this process too, leaves a lock's file in its folder each time
that he looks whether it has changed: also between the moment that the folder is empty and the moment that it goes.
"""

import errno
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

_TRIES = 10


@contextmanager
def temporary_folder() -> Iterator[Path]:
    """A private folder in the system's place for temporary files; it goes with the block."""
    folder = Path(tempfile.mkdtemp(prefix="rlm-context-"))
    try:
        yield folder
    finally:
        remove_folder(folder)


def remove_folder(folder: Path) -> None:
    """Remove a folder and all that it holds; one that is not there is not missed.

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
