"""Documents into segments, segments into a searchable folder.

A segment is immutable and holds everything a query needs, so a session adds one and nothing is rebuilt: a
folder is assembled by laying the files of several segments side by side under one meta.json. tantivy then
counts words over all of them, as if they had been indexed together. Sessions that a newer segment replaces
are deleted in the older one with tantivy's own tombstones, which cost a query nothing.
"""

import hashlib
import json
import shutil
import tempfile
from collections.abc import Collection, Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

import tantivy

from data_models.errors import DamagedError
from data_models.folders import remove_folder, temporary_folder
from search.archive import pack, unpack
from search.document import Document
from search.read import documents_in
from search.schema import KINDS, VOICES, block_of, clean, make_schema, open_index, owner_of
from search.words import camel_parts, name_forms

_HEAP = 64_000_000
"""Bytes that one writer may use before it starts another segment file."""

Owner = tuple[str, str]
"""(author, session id)"""


def build_segment(documents: Iterable[Document]) -> bytes:
    """Index documents into one immutable archive; equal documents give equal bytes."""
    with temporary_folder() as folder:
        index = open_index(make_schema(), str(folder))
        # One thread: the order of documents, and so the bytes, do not depend on scheduling.
        writer = index.writer(_HEAP, 1)
        for document in documents:
            writer.add_document(_encode(document))
        writer.commit()
        writer.wait_merging_threads()
        return pack(folder)


def prepare(segment: bytes, stale: Collection[Owner], folder: Path) -> None:
    """Lay one segment out in `folder`, atomically, so that `assemble` need only link it.

    Args:
        segment: an archive of `build_segment`.
        stale: the sessions in it that a newer segment replaces.
        folder: where it shall stand; what is there already is taken for the same.

    Raises:
        DamagedError: the segment cannot be read.
    """
    if folder.is_dir():
        return
    temporary = _beside(folder)
    try:
        _write_meta(temporary, _unpacked(segment, stale, temporary))
        temporary.rename(folder)
    except OSError:
        if not folder.is_dir():  # else another process was faster
            raise
    finally:
        shutil.rmtree(temporary, ignore_errors=True)


def assemble(segments: Sequence[Path | bytes], stale: Mapping[int, Collection[Owner]], folder: Path) -> None:
    """Make `folder` a searchable index of several segments, atomically; nothing is indexed again.

    Args:
        segments: archives of `build_segment`, as files or bytes, or folders made by `prepare`.
        stale: for a segment's place in `segments`, the sessions in it that a newer segment replaces.
        folder: where the index shall stand; an index already there is replaced.

    Raises:
        DamagedError: a segment cannot be read.
    """
    temporary = _beside(folder)
    try:
        _lay_out(segments, stale, temporary)
        _swap(temporary, folder)
    finally:
        shutil.rmtree(temporary, ignore_errors=True)


def merge(segments: Sequence[Path | bytes], stale: Mapping[int, Collection[Owner]]) -> bytes:
    """One segment with the living documents of many, for the nightly run. Arguments as in `assemble`."""
    with temporary_folder() as folder:
        assemble(segments, stale, folder / "index")
        return build_segment(documents_in(folder / "index"))


def _lay_out(segments: Sequence[Path | bytes], stale: Mapping[int, Collection[Owner]], folder: Path) -> None:
    metas = [_lay_out_one(segment, stale.get(place, ()), folder) for place, segment in enumerate(segments)]
    if not metas:
        open_index(make_schema(), str(folder))
        return
    parts = {part["segment_id"]: part for meta in metas for part in meta["segments"]}
    _write_meta(folder, {**metas[0], "segments": list(parts.values())})


def _lay_out_one(segment: Path | bytes, stale: Collection[Owner], folder: Path) -> dict[str, Any]:
    if isinstance(segment, Path) and segment.is_dir():
        return _linked(segment, folder)
    part = folder / "part"
    part.mkdir(mode=0o700)
    meta = _unpacked(segment if isinstance(segment, bytes) else segment.read_bytes(), stale, part)
    for path in _data_files(part):
        path.replace(folder / path.name)
    remove_folder(part)
    return meta


def _linked(part: Path, folder: Path) -> dict[str, Any]:
    """A prepared segment's files under `folder` too: its meta. The files never change, so they can be shared."""
    for path in _data_files(part):
        if (folder / path.name).exists():
            continue
        try:
            (folder / path.name).hardlink_to(path)
        except OSError:  # a file system without hard links
            shutil.copyfile(path, folder / path.name)
    try:
        meta: dict[str, Any] = json.loads((part / "meta.json").read_bytes())
        meta["segments"][:]
    except (ValueError, KeyError, TypeError) as error:
        raise DamagedError(part.name, "not a prepared segment") from error
    return meta


def _unpacked(archive: bytes, stale: Collection[Owner], folder: Path) -> dict[str, Any]:
    meta = unpack(archive, folder)
    return _delete(folder, meta, stale) if stale else meta


def _data_files(folder: Path) -> list[Path]:
    return [path for path in folder.iterdir() if path.suffix != ".json" and not path.name.startswith(".")]


def _beside(folder: Path) -> Path:
    """A fresh folder in the same place, to be renamed."""
    folder.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    return Path(tempfile.mkdtemp(prefix=f".{folder.name}-", dir=folder.parent))


def _delete(folder: Path, meta: dict[str, Any], owners: Collection[Owner]) -> dict[str, Any]:
    _write_meta(folder, meta)
    writer = tantivy.Index.open(str(folder)).writer(15_000_000, 1)
    for author, session_id in owners:
        writer.delete_documents_by_term("owner", owner_of(author, session_id))
    writer.commit()
    writer.wait_merging_threads()
    changed: dict[str, Any] = json.loads((folder / "meta.json").read_bytes())
    return changed


def _write_meta(folder: Path, meta: dict[str, Any]) -> None:
    path = folder / "meta.json"
    path.touch(mode=0o600)
    path.write_text(json.dumps(meta))


def _swap(temporary: Path, folder: Path) -> None:
    """Put `temporary` in place of `folder`; a reader that has the old one open keeps its files."""
    old = temporary.with_name(temporary.name + ".old")
    if folder.exists():
        folder.rename(old)
    temporary.rename(folder)
    shutil.rmtree(old, ignore_errors=True)


def _encode(document: Document) -> tantivy.Document:
    encoded = tantivy.Document()
    text = clean(document.text)
    owner = clean(owner_of(document.author, document.session_id))
    session = _number(owner)
    if document.kind == "window":
        encoded.add_text("wide", text)
    else:
        encoded.add_text("body", text)
        encoded.add_text("body", " ".join(camel_parts(text)))
        encoded.add_text("names", " ".join(name_forms(text)))
        encoded.add_integer("block", block_of(session, document.position))
    for name, value in (
        ("session_id", document.session_id),
        ("from_seq", document.from_seq),
        ("to_seq", document.to_seq),
        ("key", document.key),
        ("files", "\n".join(document.files)),
        ("text", "" if document.kind == "window" else text),
    ):
        encoded.add_bytes(name, clean(value).encode())
    for name, value in (
        ("author", document.author),
        ("project", document.project),
        ("agent", document.agent),
        ("owner", owner),
    ):
        encoded.add_text(name, clean(value))
    for path in document.files:
        encoded.add_text("file", clean(path))
    for name, number in (
        ("session", session),
        ("time", document.time),
        ("position", document.position),
        ("span", document.span),
        ("words", len(text.split())),
        ("kind", KINDS.index(document.kind)),
        ("voice", VOICES.index(document.voice)),
    ):
        encoded.add_integer(name, number)
    return encoded


def _number(owner: str) -> int:
    """A session as a signed 64-bit number, for grouping by a fast field."""
    return int.from_bytes(hashlib.blake2b(owner.encode(), digest_size=8).digest(), "big", signed=True)
