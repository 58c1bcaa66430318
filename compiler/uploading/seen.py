"""What was uploaded from which file: a cache in the home, never needed for correctness."""

import hashlib
import json
from collections.abc import Iterable
from pathlib import Path
from typing import Any, NamedTuple

from compiler.runtime import Runtime
from compiler.uploading.author import author_of
from store.files import FileWriter
from transcripts.agent import SessionFiles
from transcripts.redaction.engine import RULES_VERSION
from transcripts.slim import SLIM_FORMAT

_LEAST_SHARE, _FEW = 8, 128
"""Uploads that are an eighth of all, and 16 at least, are worth a writing: so a kill forgets few, and n uploads
write O(n) bytes."""


class Known(NamedTuple):
    """The receipt that a file's state led to, the store it went to, and the folder the session ran in."""

    key: str
    project: str
    store: str
    cwd: str


class Seen:
    """What these sessions' files led to before, in the state that they are in when this is made.

    A cache that cannot be read is as good as none.

    Args:
        runtime: the process's runtime.
        found: the sessions.
        project: the project of what is read, instead of each session's own.
    """

    def __init__(self, runtime: Runtime, found: Iterable[SessionFiles], project: str = "") -> None:
        self._path = runtime.home / "cache" / "uploads.json"
        salt = _salt(runtime, project)
        self._marks = {files.main: _signature(files.paths, salt) for files in found}
        self._entries = _read(self._path)
        self._added: dict[str, list[str]] = {}
        self._unsaved = 0

    def known(self, files: SessionFiles) -> Known | None:
        """What this state of a session led to, if it was uploaded before."""
        mark, entry = self._marks[files.main], self._entries.get(str(files.main))
        return Known(*entry[1:]) if entry and mark and entry[0] == mark else None

    def remember(self, files: SessionFiles, known: Known) -> None:
        """Note an upload. Written once there is much to write: the file is written whole each time."""
        self._added[str(files.main)] = [self._marks[files.main], *known]
        self._unsaved += 1
        if self._unsaved * _LEAST_SHARE > len(self._entries) + _FEW:
            self.save()

    def save(self) -> None:
        """Write what was noted, beside what another process wrote meanwhile."""
        self._entries = _read(self._path) | self._added
        data = json.dumps(self._entries).encode()
        FileWriter(self._path.parent).write_many([(self._path, data)])
        self._unsaved = 0


def _salt(runtime: Runtime, project: str) -> str:
    """What besides the files decides a receipt: another store, name or rule makes it a new upload."""
    settings = runtime.settings.model_dump_json(include={"redaction", "project_aliases"})
    parts = (runtime.store.url, project, author_of(runtime.settings), settings, RULES_VERSION, SLIM_FORMAT)
    return repr(parts)


def _signature(paths: Iterable[Path], salt: str) -> str:
    """A hash of the files' sizes, times and inodes and of `salt`; "" where one cannot be looked at."""
    digest = hashlib.sha256(salt.encode())
    for path in paths:
        try:
            stat = path.stat()
        except OSError:
            return ""
        digest.update(f"\0{path}\0{stat.st_size}\0{stat.st_mtime_ns}\0{stat.st_ino}".encode())
    return digest.hexdigest()


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
