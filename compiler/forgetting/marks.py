"""What of a store holds the words of forgotten sessions and withdrawn states, found out without changing anything."""

import io
from collections.abc import Iterator, Sequence

import msgspec
import zstandard

from compiler.maintenance.garbage import MADE_AGAIN, named_by
from compiler.memoised import recall
from compiler.runtime import Runtime
from compiler.work import INGEST, Ingested
from data_models.errors import DamagedError, KeyMissingError
from data_models.records import Manifest
from store.codec import MALFORMED
from store.earlier import earlier_transcripts, session_of
from store.generations import history, holds_forgotten, newest
from store.keys import encode_name, parse_blob_key, parse_memo_key, parse_note_key, parse_receipt_key
from store.protocol import Store
from store.receipts import projects, read_receipt
from store.tombstones import Tombstones

PAGE = "compiled/report.html"
"""The nightly's page, which names sessions; the next night leaves a new one."""

_HEADER = 4096
"""Bytes of a slim blob's first line, at most."""


class Marks(msgspec.Struct, frozen=True, kw_only=True):
    """What was found.

    `receipts` count as not there, `manifests` are of generations that hold one of them, `kept` are those of all
    others, `beside` what is written for people or of the moment about a forgotten session. `waiting` are projects whose
    newest generation holds one: they have to be compiled first, and lose nothing before. `affected` are all projects
    that hold or held one.
    """

    receipts: tuple[str, ...]
    manifests: tuple[str, ...]
    kept: tuple[Manifest, ...]
    beside: tuple[str, ...]
    waiting: tuple[str, ...]
    affected: tuple[str, ...]

    @property
    def is_any(self) -> bool:
        """Whether there is anything to remove, or to wait for."""
        return bool(self.receipts or self.manifests or self.beside or self.waiting)


def look(store: Store, tombstones: Tombstones) -> Marks:
    """What a store holds of what its tombstones name.

    Raises:
        StoreError: it cannot be read.
    """
    held = [key for key in store.keys("inbox") if tombstones.hold(key)]
    inboxes = {key.split("/")[1] for key in held}
    doomed: list[str] = []
    kept: list[Manifest] = []
    waiting, affected = [], []
    for project in projects(store):
        dirty, clean = _generations(store, project, tombstones)
        first = newest(store, project) if dirty else None
        if first is not None and first.key in dirty:
            waiting.append(project)
            kept += [*clean.values(), *dirty.values()]
        else:
            kept += clean.values()
            doomed += dirty
        if dirty or encode_name(project) in inboxes:
            affected.append(project)
    stays = {encode_name(project) for project in waiting}
    return Marks(
        receipts=tuple(key for key in held if key.split("/")[1] not in stays),
        manifests=tuple(doomed),
        kept=tuple(kept),
        beside=tuple(_beside(store, tombstones)),
        waiting=tuple(waiting),
        affected=tuple(affected),
    )


def unneeded(runtime: Runtime, marks: Marks, tombstones: Tombstones) -> Iterator[str]:
    """Blobs and results that no kept generation rests on: all that could hold such words, and what can be made again.

    A transcript that is on its way (blob before receipt) is none of them, whoever uploads it.
    """
    store = runtime.store
    needed = {key for manifest in marks.kept for key in named_by(runtime, manifest)}
    withdrawn = set(_slims(store, marks.receipts)) - set(_slims(store, _standing(store, marks, tombstones)))
    for key in store.keys("blobs"):
        if parse_blob_key(key) and key not in needed:
            session = _slim_session(store, key)
            if session is None or tombstones.hold_session(session) or key in withdrawn:
                yield key
    for key in store.keys("memo"):
        memo = parse_memo_key(key)
        if memo and memo[0] in MADE_AGAIN and key not in needed:
            yield key
        elif memo and memo[0] == INGEST:
            ingested = recall(runtime.memo, *memo, Ingested)
            if ingested is None or tombstones.hold(ingested.receipt):
                yield key


def runs_naming(store: Store, sessions: Sequence[str]) -> Iterator[str]:
    """The records of runs that name one of these sessions."""
    names = [session_id.encode() for session_id in sessions]
    for key in store.keys("runs") if names else ():
        try:
            data = store.get(key)
        except KeyMissingError:
            continue
        if any(name in data for name in names):
            yield key


def _generations(
    store: Store, project: str, tombstones: Tombstones
) -> tuple[dict[str, Manifest], dict[str, Manifest]]:
    """Manifests by key: those that hold what was forgotten, or cannot tell any more, and the others."""
    dirty: dict[str, Manifest] = {}
    clean: dict[str, Manifest] = {}
    for generation in history(store, project)[0]:
        try:
            is_dirty = holds_forgotten(store, generation.manifest, tombstones)
        except (DamagedError, KeyMissingError):
            is_dirty = True
        (dirty if is_dirty else clean)[generation.key] = generation.manifest
    return dirty, clean


def _standing(store: Store, marks: Marks, tombstones: Tombstones) -> Iterator[str]:
    """The receipts that still count of sessions that have some which do not."""
    folders = {key.rpartition("/")[0] for key in marks.receipts}
    for folder in sorted(folders):
        yield from tombstones.standing(key for key in store.keys(folder) if parse_receipt_key(key))


def _slims(store: Store, receipts: Sequence[str] | Iterator[str]) -> Iterator[str]:
    for key in receipts:
        try:
            yield read_receipt(store, key).slim.key
        except (DamagedError, KeyMissingError):
            continue  # what its blob is nobody can tell any more; `store gc` removes what nothing names


def _slim_session(store: Store, key: str) -> str | None:
    """The session that a blob says it is the transcript of; None if it is no transcript."""
    try:
        with zstandard.ZstdDecompressor().stream_reader(io.BytesIO(store.get(key))) as reader:
            line = io.BufferedReader(reader).readline(_HEADER)
        header = msgspec.json.decode(line)
    except (zstandard.ZstdError, KeyMissingError, *MALFORMED):
        return None
    is_transcript = isinstance(header, dict) and isinstance(
        header.get("slim"), int
    )  # a catalog's line names a blob there
    return str(header.get("session_id")) if is_transcript else None


def _beside(store: Store, tombstones: Tombstones) -> Iterator[str]:
    """Readable copies and notes of forgotten sessions, and what an earlier upload script left of them."""
    earlier = set(earlier_transcripts(store))
    for key in store.keys("sessions"):
        parts = key.split("/")
        is_copy = len(parts) == 4 and parts[2] in tombstones.sessions
        if is_copy or (key in earlier and tombstones.hold_session(session_of(key))):
            yield key
    for key in store.keys("notes"):
        note = parse_note_key(key)
        if note and note.session in tombstones.sessions:
            yield key
