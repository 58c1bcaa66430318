"""The copy of each project's newest generation on this machine: what hooks, `show` and `search` read.

    <home>/cache/projects/<project>/brief.json       what a session starts with, of the newest generation
    <home>/cache/projects/<project>/current          JSON: the generation shown, and the newest name seen
    <home>/cache/projects/<project>/<generation>/    brief.md, full.md, root.json, manifest.json, sessions.jsonl,
                                                     long_digits.json, index/
    <home>/cache/projects/<project>/.segments/       index segments laid out; `index/` links their files

The brief comes first, in one file, because sessions start with it; the index may take minutes longer. A generation's
folder is complete before `current` names it, so a reader never sees half of one. Reading takes the standard library
only (`rlm_context.hooks.brief.local`, `rlm_context.fast_search`).
"""

import json
import os
import shutil
import time
from collections.abc import Iterable, Sequence
from contextlib import suppress
from pathlib import Path
from typing import TypeVar

import msgspec

from compiler.citations import LEAST_DIGITS, short_ids
from compiler.forgetting.home import purge_home
from compiler.index import assemble_index
from compiler.runtime import Runtime
from data_models.decoding import decode_json
from data_models.errors import DamagedError
from data_models.knowledge import Root
from data_models.records import CatalogEntry, Manifest
from store.blobs import get_blob
from store.files import TEMPORARY_AGE, FileWriter
from store.generations import Generation, newest
from store.keys import encode_name, generation_prefix, parse_manifest_key

BRIEF = "brief.json"
CURRENT = "current"
_SEGMENTS = ".segments"
T = TypeVar("T")
_KEPT = 2
"""Generations kept on this machine: the current one, and the one that a running reader may still have open."""


class Copy(msgspec.Struct, frozen=True):
    """The local copy of one project's generation."""

    project: str
    generation: str
    folder: str

    def read(self, name: str) -> str:
        """One of its text files: "brief.md", "full.md", "root.json", "manifest.json"; raises DamagedError."""
        path = Path(self.folder) / name
        try:
            return path.read_text(encoding="utf-8")
        except (OSError, UnicodeDecodeError) as error:
            raise DamagedError(str(path), "it cannot be read") from error

    def sessions(self) -> list[CatalogEntry]:
        """The generation's sessions, newest last; raises DamagedError."""
        lines = self.read("sessions.jsonl").split("\n")
        return [self._decoded(line, CatalogEntry, "sessions.jsonl") for line in lines if line]

    def root(self) -> Root:
        """The lines that were considered for the brief, with their verdicts; raises DamagedError."""
        return self._decoded(self.read("root.json"), Root, "root.json")

    def manifest(self) -> Manifest:
        """The generation's manifest; raises DamagedError."""
        return self._decoded(self.read("manifest.json"), Manifest, "manifest.json")

    def _decoded(self, text: str, kind: type[T], name: str) -> T:
        try:
            return decode_json(text, kind)
        except msgspec.MsgspecError as error:
            raise DamagedError(f"{self.folder}/{name}", f"not a {kind.__name__}") from error

    @property
    def index(self) -> Path:
        """The searchable index."""
        return Path(self.folder) / "index"


def projects_folder(home: Path) -> Path:
    """Where the copies are."""
    return home / "cache" / "projects"


def refresh(runtime: Runtime, project: str) -> Copy | None:
    """Bring the copy of a project up to date with the store; None if the store has no generation of it.

    Raises:
        StoreError: the store cannot be read, or a file of the generation is damaged.
    """
    home = projects_folder(runtime.home) / encode_name(project)
    listed = _newest_listed(runtime, project)
    known = _read_names(home / CURRENT)
    is_whole = known and (home / known["generation"] / "index").is_dir()
    if known and is_whole and known["newest"] == listed and _read_names(home / BRIEF) == known:
        return _copy(project, home, known["generation"])
    generation = newest(runtime.store, project)
    if generation is None:
        return None
    _write_brief(runtime, generation, home, listed)
    name = generation_id(generation.manifest)
    if not (home / name).is_dir():
        _fetch(runtime, generation, home, name)
    current = json.dumps({"project": project, "generation": name, "newest": listed}).encode()
    FileWriter(home).write_many([(home / CURRENT, current)])
    _remove_old(home, name)
    purge_home(runtime, shown=home / name)
    return _copy(project, home, name)


def refresh_brief(runtime: Runtime, project: str) -> bool:
    """Bring only the brief of a project up to date with the store; whether the store has a generation of it.

    Raises:
        StoreError: the store cannot be read, or a file of the generation is damaged.
    """
    home = projects_folder(runtime.home) / encode_name(project)
    listed = _newest_listed(runtime, project)
    known = _read_names(home / BRIEF)
    if known and known["newest"] == listed:
        return True
    generation = newest(runtime.store, project) if listed else None
    if generation is None:
        return False
    _write_brief(runtime, generation, home, listed)
    return True


def generation_id(manifest: Manifest) -> str:
    """A generation as people name it: number and nonce, the stem of its manifest's key."""
    return f"{manifest.number:010d}-{manifest.nonce}"


def _copy(project: str, home: Path, name: str) -> Copy:
    return Copy(project, name, str(home / name))


def _newest_listed(runtime: Runtime, project: str) -> str:
    """The name that sorts first in reading order, sound or not: if it is the one seen last, nothing changed."""
    found = [parse_manifest_key(key) for key in runtime.store.keys(generation_prefix(project))]
    names = [(-parts.number, parts.nonce) for parts in found if parts]
    return repr(min(names)) if names else ""


def _read_names(path: Path) -> dict[str, str] | None:
    """The generation that a file is of, and the newest name seen when it was written; None where it is damaged."""
    try:
        known = json.loads(path.read_bytes())
        return {"generation": str(known["generation"]), "newest": str(known["newest"])}
    except (OSError, ValueError, KeyError, TypeError):
        return None


def _write_brief(runtime: Runtime, generation: Generation, home: Path, listed: str) -> None:
    manifest = generation.manifest
    if "brief" not in manifest.texts:
        raise DamagedError(generation.key, "it names no brief")
    brief = {
        "project": manifest.project,
        "generation": generation_id(manifest),
        "newest": listed,
        "created": manifest.created,
        "sessions": manifest.counts.get("sessions", 0),
        "text": get_blob(runtime.store, manifest.texts["brief"]).decode("utf-8", "replace"),
    }
    FileWriter(home).write_many([(home / BRIEF, json.dumps(brief, ensure_ascii=False).encode())])


def _fetch(runtime: Runtime, generation: Generation, home: Path, name: str) -> None:
    manifest = generation.manifest
    temporary = home / f".{name}.{os.getpid()}"
    shutil.rmtree(temporary, ignore_errors=True)
    try:
        sessions = runtime.catalog([manifest]).values()
        ordered = sorted(sessions, key=lambda entry: (entry.started, entry.session_id))
        files = {
            "brief.md": get_blob(runtime.store, manifest.texts["brief"]),
            "full.md": get_blob(runtime.store, manifest.texts["full"]),
            "root.json": get_blob(runtime.store, manifest.texts["root"]),
            "manifest.json": msgspec.json.encode(manifest),
            "sessions.jsonl": b"".join(msgspec.json.encode(entry) + b"\n" for entry in ordered),
            "long_digits.json": json.dumps(_long_digits(ordered)).encode(),
        }
        FileWriter(temporary).write_many([(temporary / file, data) for file, data in files.items()])
        assemble_index(runtime, manifest.segments, temporary / "index", home / _SEGMENTS)
        _move(temporary, home / name)
    except KeyError as error:
        raise DamagedError(generation.key, "it names no brief, full text or root") from error
    finally:
        shutil.rmtree(temporary, ignore_errors=True)


def _move(temporary: Path, target: Path) -> None:
    try:
        temporary.rename(target)
    except OSError:
        if not target.is_dir():  # else another process was faster with the same content
            raise


def _long_digits(entries: Sequence[CatalogEntry]) -> dict[str, str]:
    """The sessions whose citations need more than the usual digits to be unique."""
    short = short_ids(entry.session_id for entry in entries)
    return {session: digits for session, digits in short.items() if len(digits) != LEAST_DIGITS}


def _remove_old(home: Path, current: str) -> None:
    for folder in _generations(home)[:-_KEPT]:
        if folder.name != current:
            shutil.rmtree(folder, ignore_errors=True)
    oldest = time.time() - TEMPORARY_AGE
    for folder in home.glob(".??????????-*.*"):  # what killed processes had fetched
        with suppress(FileNotFoundError):
            if folder.stat().st_mtime < oldest:
                shutil.rmtree(folder, ignore_errors=True)


def _generations(home: Path) -> list[Path]:
    found: Iterable[Path] = home.iterdir()
    return sorted(path for path in found if path.is_dir() and not path.name.startswith("."))
