"""What was uploaded from which file: a cache in the home, never needed for correctness."""

import hashlib
import json
from collections.abc import Iterable
from pathlib import Path
from typing import Any, NamedTuple

from store.files import FileWriter

_LEAST_SHARE, _FEW = 8, 128
"""Uploads that are an eighth of all, and 16 at least, are worth a writing: so a kill forgets few, and n uploads
write O(n) bytes."""


class Known(NamedTuple):
    """The receipt that a file's state led to, the store it went to, and the folder the session ran in."""

    key: str
    project: str
    store: str
    cwd: str


def signature(paths: Iterable[Path], salt: str) -> str:
    """A hash of the files' sizes, times and inodes and of `salt`; "" where one cannot be looked at."""
    digest = hashlib.sha256(salt.encode())
    for path in paths:
        try:
            stat = path.stat()
        except OSError:
            return ""
        digest.update(f"\0{path}\0{stat.st_size}\0{stat.st_mtime_ns}\0{stat.st_ino}".encode())
    return digest.hexdigest()


class Seen:
    """The cache file; one that cannot be read is as good as none."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._known = _read(path)
        self._added: dict[str, list[str]] = {}
        self._unsaved = 0

    def receipt(self, main: Path, mark: str) -> Known | None:
        """What this state of the session's files led to, if it was uploaded before."""
        entry = self._known.get(str(main))
        return Known(*entry[1:]) if entry and mark and entry[0] == mark else None

    def remember(self, main: Path, mark: str, known: Known) -> None:
        """Note an upload. Written once there is much to write: the file is written whole each time."""
        self._added[str(main)] = [mark, *known]
        self._unsaved += 1
        if self._unsaved * _LEAST_SHARE > len(self._known) + _FEW:
            self.save()

    def save(self) -> None:
        """Write what was noted, beside what another process wrote meanwhile."""
        self._known = _read(self._path) | self._added
        data = json.dumps(self._known).encode()
        FileWriter(self._path.parent).write_many([(self._path, data)])
        self._unsaved = 0


def _read(path: Path) -> dict[str, list[str]]:
    try:
        found: Any = json.loads(path.read_bytes())
    except (OSError, ValueError):
        return {}
    if not isinstance(found, dict):
        return {}
    return {str(main): entry for main, entry in found.items() if _is_entry(entry)}


def _is_entry(entry: Any) -> bool:
    texts = isinstance(entry, list) and all(isinstance(item, str) for item in entry)
    return texts and len(entry) == 1 + len(Known._fields)
