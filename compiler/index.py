"""The search index of a generation: segments that stay, one for what is new, small ones joined."""

import hashlib
import shutil
import time
from collections.abc import Iterable, Iterator, Sequence
from contextlib import suppress
from itertools import accumulate, takewhile
from pathlib import Path

import msgspec

from compiler.memoised import recall, remember
from compiler.runtime import Runtime
from compiler.sessions import load_events
from compiler.tree import session_info
from compiler.work import NODE, SEGMENT, content_hash
from data_models.errors import DamagedError
from data_models.knowledge import Node
from data_models.records import CatalogEntry, Segment
from search.build import assemble, build_segment, merge, prepare
from search.document import Document
from search.documents import documents_of
from search.schema import SCHEMA
from store.blobs import get_blob, has_sound_blob, put_blob
from store.files import store_errors

BATCH = 200
"""Sessions in one new segment: bounds memory, and what is indexed again after a kill."""
_KEPT_SECONDS = 24 * 3600
_JOIN = 8
"""So many neighbouring segments of one size class are joined into one, as a log-structured merge does."""
_LARGEST = 64_000_000
"""Bytes of a joined segment at most: joining takes a few times as much memory, and copies all of it."""


def index_batch(
    runtime: Runtime, project: str, entries: Sequence[CatalogEntry], number: int, *, rebuild: bool = False
) -> Segment:
    """Index these sessions (at most `BATCH`) into one segment of generation `number`; memoised."""
    inputs = [(entry.author, entry.session_id, entry.parquet.sha256, entry.digest) for entry in entries]
    stamp = content_hash(SEGMENT, SCHEMA, project, inputs)
    known = None if rebuild else recall(runtime.memo, SEGMENT, stamp, Segment)
    if known is None or not has_sound_blob(runtime.store, known.blob):
        counter = _Counter(_documents(runtime, project, entries))
        blob = put_blob(runtime.store, build_segment(counter))
        known = Segment(blob=blob, first=number, last=number, documents=counter.count)
        remember(runtime.memo, SEGMENT, [(stamp, known)])
    return msgspec.structs.replace(known, first=number, last=number)


def indexed_in(entries: Iterable[CatalogEntry], number: int) -> list[CatalogEntry]:
    """The entries, marked as indexed in generation `number`."""
    return [msgspec.structs.replace(entry, indexed=number) for entry in entries]


def with_stale(segments: Iterable[Segment], replaced: Iterable[CatalogEntry]) -> list[Segment]:
    """The segments, those that hold an older state of a replaced session told so."""
    replaced = list(replaced)
    return [_with_stale(segment, replaced) for segment in segments]


def join_small(runtime: Runtime, segments: Sequence[Segment]) -> list[Segment]:
    """Join the newest segments once enough of them are alike in size, oldest first as given.

    Keeps their number logarithmic in the number of sessions, until they are large; each session is copied only as
    often.
    """
    joined = list(segments)
    while len(run := _alike(joined)) >= _JOIN:
        blobs = [get_blob(runtime.store, segment.blob) for segment in run]
        stale = {place: segment.stale for place, segment in enumerate(run) if segment.stale}
        blob = put_blob(runtime.store, merge(blobs, stale))
        documents = sum(segment.documents for segment in run)
        del joined[len(joined) - len(run) :]
        joined.append(Segment(blob=blob, first=run[0].first, last=run[-1].last, documents=documents))
    return joined


def assemble_index(runtime: Runtime, segments: Sequence[Segment], folder: Path, prepared: Path) -> None:
    """Make `folder` the searchable index of a generation's segments.

    Args:
        runtime: the process's runtime.
        segments: the generation's segments.
        folder: where the index shall stand.
        prepared: a folder on the same disk that keeps segments laid out: of a new generation only the new ones
            are fetched. Others are removed a day after they were laid out. What cannot be used is made again.

    Raises:
        DamagedError: a segment is damaged.
        KeyMissingError: the store does not hold it.
        StoreFullError: the disk is full.
    """
    parts = [prepared / _name(segment) for segment in segments]
    with store_errors(prepared):
        try:
            _assemble(runtime, segments, parts, folder)
        except (DamagedError, FileNotFoundError, IsADirectoryError, NotADirectoryError):
            for part in parts:
                shutil.rmtree(part, ignore_errors=True)
            _assemble(runtime, segments, parts, folder)
        _remove_old(prepared, keep=parts)


def _assemble(runtime: Runtime, segments: Sequence[Segment], parts: Sequence[Path], folder: Path) -> None:
    for segment, part in zip(segments, parts, strict=True):
        if not part.is_dir():
            prepare(get_blob(runtime.store, segment.blob), segment.stale, part)
    assemble(parts, {}, folder)


def _remove_old(prepared: Path, keep: Sequence[Path]) -> None:
    oldest = time.time() - _KEPT_SECONDS  # a process that reads an older generation may still need them
    for path in prepared.iterdir() if prepared.is_dir() else ():
        with suppress(FileNotFoundError):
            if path not in keep and path.stat().st_mtime < oldest:
                shutil.rmtree(path, ignore_errors=True)


def _name(segment: Segment) -> str:
    """One name for one content: a segment with other sessions stale is laid out anew."""
    stale = hashlib.sha256(repr(segment.stale).encode("utf-8", "surrogatepass")).hexdigest()
    return f"{segment.blob.sha256[:32]}-{stale[:16]}"


def _alike(segments: Sequence[Segment]) -> list[Segment]:
    """The longest run of newest segments that are in the size class of the newest, or below, and not too large."""
    if not segments:
        return []
    newest = _size_class(segments[-1])
    sizes = accumulate(segment.blob.size for segment in reversed(segments))
    run = takewhile(
        lambda found: _size_class(found[0]) <= newest and found[1] <= _LARGEST,
        zip(reversed(segments), sizes, strict=True),
    )
    return [segment for segment, _ in run][::-1]


def _size_class(segment: Segment) -> int:
    return (max(segment.documents, 1).bit_length() - 1) // 3


def _with_stale(segment: Segment, replaced: Sequence[CatalogEntry]) -> Segment:
    inside = [
        (entry.author, entry.session_id)
        for entry in replaced
        if segment.first <= entry.indexed <= segment.last
    ]
    return msgspec.structs.replace(segment, stale=tuple(sorted({*segment.stale, *inside})))


class _Counter:
    """Counts documents as they go by."""

    def __init__(self, documents: Iterator[Document]) -> None:
        self.count = 0
        self._documents = documents

    def __iter__(self) -> Iterator[Document]:
        for document in self._documents:
            self.count += 1
            yield document


def _documents(runtime: Runtime, project: str, entries: Sequence[CatalogEntry]) -> Iterator[Document]:
    for entry in entries:
        digest = recall(runtime.memo, NODE, entry.digest, Node)
        statements = digest.statements if digest else ()
        yield from documents_of(
            load_events(runtime.store, entry.parquet), session_info(project, entry), statements
        )
