"""Removes what this machine keeps of sessions that were forgotten in its store.

Done when a command forgets, and on every other machine with the first refresh that finds something new compiled; a
small file says how far. Everything that goes is a copy that is made again where it is needed.

Prefect's database in the home is only rid of what Prefect deleted: the compile that lets go of a session removes the
artifacts that showed it.
"""

import hashlib
import sqlite3
import tempfile
from collections.abc import Iterable, Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import msgspec

from compiler.runtime import Runtime
from data_models.env import raw_folder
from data_models.errors import StoreError
from data_models.folders import remove_abandoned, remove_folder
from data_models.records import CatalogEntry
from store.codec import MALFORMED
from store.files import FileWriter, store_errors
from store.keys import decode_name
from store.tombstones import Tombstones, read_tombstones

_LEAST = 8
"""Characters of a session's id that are worth looking for in the names of files."""

_BUSY_SECONDS = 60.0


def purge_home(runtime: Runtime, *, shown: Path | None = None, again: bool = False) -> None:
    """Remove this machine's copies of what was forgotten in the store, and what waits to be uploaded of it.

    Args:
        runtime: the process's runtime.
        shown: the copy of a generation that was fetched this moment: it stays, even if it has to go with the next.
        again: also where it was done for the same tombstones already, Prefect's database and what killed compiles left
            among the temporary files included.

    Raises:
        StoreError: the store cannot be read, or the home cannot be written.
    """
    tombstones = read_tombstones(runtime.store)
    mark, done = _mark(runtime, tombstones), runtime.home / "cache" / "forgotten"
    with store_errors(runtime.home):
        if not tombstones or (not again and _text(done) == mark):
            return
        runtime.spool.drop(runtime.store.url, tombstones)
        for path in _kept_by_hooks(runtime.home, tombstones):
            _remove(path)
        for name in ("copies", "trajectories"):
            _remove(runtime.home / "cache" / name)
        folders = _folders(runtime.home / "cache" / "projects")
        held = [folder for folder in folders if not _purge_project(folder, tombstones, shown)]
        if again:
            _empty_pages(runtime.home / "prefect" / "prefect.db")
    if again:
        with store_errors(Path(tempfile.gettempdir())):
            remove_abandoned()
    if not held:  # else a generation that still holds it may be fetched once more
        FileWriter(done.parent).write_many([(done, mark.encode())])


def _mark(runtime: Runtime, tombstones: Tombstones) -> str:
    names = (runtime.store.url, sorted(tombstones.sessions), sorted(tombstones.receipts))
    return hashlib.sha256(msgspec.json.encode(names)).hexdigest()


def _purge_project(folder: Path, tombstones: Tombstones, shown: Path | None) -> bool:
    """Remove a project's copies of generations that hold what was forgotten, and segments, which may; whether there
    was none."""
    _remove(folder / ".segments")
    found = {one for one in _folders(folder) if _holds(one, tombstones)}
    gone = {one.name for one in found if one != shown}
    for path in [one for one in folder.iterdir() if one.is_file() and _generation(one) in gone]:
        _remove(path)
    for name in sorted(gone):
        _remove(folder / name)
    return not found


def _holds(generation: Path, tombstones: Tombstones) -> bool:
    """Whether the copy of a generation holds what was forgotten, or cannot tell."""
    try:
        lines = (generation / "sessions.jsonl").read_bytes().split(b"\n")
        entries = [msgspec.json.decode(line, type=CatalogEntry) for line in lines if line]
    except (OSError, *MALFORMED):
        return True
    return any(tombstones.hold(entry.receipt) for entry in entries)


def _generation(path: Path) -> str:
    """The generation that a small file is of, "" if it names none."""
    try:
        found: Any = msgspec.json.decode(path.read_bytes())
    except (OSError, *MALFORMED):
        return ""
    return str(found.get("generation", "")) if isinstance(found, dict) else ""


def _kept_by_hooks(home: Path, tombstones: Tombstones) -> Iterator[Path]:
    """Sessions that ended and wait for the worker, and what hooks note of sessions."""
    names = [
        name for segment in tombstones.sessions if (name := decode_name(segment)) and len(name) >= _LEAST
    ]
    for job in _folders(Path(raw_folder(str(home)))):
        if any(name in path.name for path in job.rglob("*") for name in names):
            yield job
    for path in (home / "hooks").glob("*/*"):
        if any(name in path.name for name in names):
            yield path


def _empty_pages(database: Path) -> None:
    """Rewrite a SQLite database without what was deleted from it: SQLite only marks such pages as free."""
    if not database.is_file():
        return
    try:
        with closing(sqlite3.connect(database, timeout=_BUSY_SECONDS, isolation_level=None)) as connection:
            connection.execute("VACUUM")
            connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    except sqlite3.Error as error:
        raise StoreError(
            f"{database} may still hold what was forgotten: {error}",
            next_command="end rlm-context up, then run the same command again",
            partial=True,
        ) from error


def _folders(parent: Path) -> Iterable[Path]:
    return (
        [path for path in parent.iterdir() if path.is_dir() and path.name != ".tmp"]
        if parent.is_dir()
        else []
    )


def _text(path: Path) -> str:
    return path.read_text(encoding="utf-8", errors="replace") if path.is_file() else ""


def _remove(path: Path) -> None:
    if not path.is_dir() or path.is_symlink():
        path.unlink(missing_ok=True)
        return
    remove_folder(path)
