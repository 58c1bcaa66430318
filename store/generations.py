"""Generations: published, immutable, complete sets, and the chain that they form.

A manifest is stored sealed with its own SHA-256. Several writers may publish the same number ("siblings"):
the next compile names them all as parents and unites what they hold.
"""

import hashlib
import secrets
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

import msgspec

from data_models.decoding import decode_json
from data_models.errors import DamagedError, KeyMissingError
from data_models.records import BlobRef, CatalogEntry, Manifest
from store.blobs import blob_ref, get_blob, has_blob, put_blob
from store.codec import MALFORMED, check_ref, decode, encode
from store.keys import (
    ManifestKey,
    encode_name,
    generation_prefix,
    manifest_key,
    parse_manifest_key,
    parse_receipt_key,
)
from store.parts import latest, pack, run_to_merge, unpack
from store.protocol import Store
from store.tombstones import Tombstones

Catalog = dict[tuple[str, str], CatalogEntry]
"""(author, session id) to the session's entry."""


@dataclass(frozen=True)
class Generation:
    """A published generation. `damaged` lists the manifests that come before it but are not sound."""

    key: str
    manifest: Manifest
    damaged: tuple[str, ...] = ()


class _Sealed(msgspec.Struct):
    manifest: msgspec.Raw
    sha256: str


def new_nonce() -> str:
    """A fresh nonce: 8 random hex digits."""
    return secrets.token_hex(4)


def next_number(store: Store, project: str, read: int = 0) -> int:
    """The number of the next generation: above the newest manifest that can be read, and above those right after it.

    What was published and rotted has a number that follows; what somebody planted has any, and does not count.

    Args:
        store: the store.
        project: the project.
        read: the number of the newest head, where that is known; 0: manifests are read to find it.

    Raises:
        FormatTooNewError: a newer rlm-context wrote the newest.
    """
    listed = _manifests(store, project)
    taken = {parts.number for _, parts in listed}
    number = 1 + (read or next((parts.number for key, parts in listed if _is_readable(store, key)), 0))
    while number in taken:
        number += 1
    return number


def publish(store: Store, manifest: Manifest) -> str:
    """Publish a generation whose files are in the store; its key. The same again changes nothing.

    Raises:
        StoreError: a file of it is missing or damaged; nothing was published.
        ValueError: its number or nonce is malformed.
    """
    key = manifest_key(manifest.project, manifest.number, manifest.nonce)
    _check_files(store, manifest)
    raw = encode(manifest)
    store.put(key, encode(_Sealed(msgspec.Raw(raw), hashlib.sha256(raw).hexdigest())))
    return key


def read_manifest(store: Store, key: str) -> Manifest:
    """The manifest under a key; its files are not looked at.

    Raises:
        KeyMissingError: there is none.
        DamagedError: it is not the manifest that its key names.
        FormatTooNewError: a newer rlm-context wrote it.
    """
    return parse_manifest(store.get(key), key)


def parse_manifest(data: bytes, key: str) -> Manifest:
    """The manifest with these bytes and this key; raises as `read_manifest` does."""
    try:
        sealed = decode_json(data, _Sealed)
    except MALFORMED as error:
        raise DamagedError(key, "not a manifest") from error
    if hashlib.sha256(sealed.manifest).hexdigest() != sealed.sha256:
        raise DamagedError(key, "its seal is broken")
    manifest = decode(sealed.manifest, Manifest, key)
    for ref in _files(manifest):
        check_ref(ref, key)
    if parse_manifest_key(key) is None or key != manifest_key(
        manifest.project, manifest.number, manifest.nonce
    ):
        raise DamagedError(key, "it is the manifest of another generation")
    return manifest


def verify(store: Store, key: str) -> Manifest:
    """The manifest under a key, all of whose files are there: texts and parts by hash, the rest by size.

    Raises:
        KeyMissingError: it or one of its files is missing.
        DamagedError: it or one of its files is damaged.
        FormatTooNewError: a newer rlm-context wrote it.
    """
    manifest = read_manifest(store, key)
    _check_files(store, manifest)
    return manifest


def newest(store: Store, project: str) -> Generation | None:
    """The generation to read: the highest number, then the smallest nonce, that verifies; None if none does.

    Raises:
        FormatTooNewError: a newer rlm-context wrote the first that is sound.
    """
    return next(_verified(store, project), None)


def heads(store: Store, project: str) -> list[Generation]:
    """The parents of the next generation: all siblings that verify at the number of the newest one."""
    found: list[Generation] = []
    for generation in _verified(store, project):
        if found and generation.manifest.number != found[0].manifest.number:
            break
        found.append(generation)
    return found


def history(store: Store, project: str) -> tuple[list[Generation], list[str]]:
    """A project's readable manifests, newest first, and the keys of the unreadable; files are not read."""
    readable: list[Generation] = []
    unreadable: list[str] = []
    for key, _ in _manifests(store, project):
        try:
            readable.append(Generation(key, read_manifest(store, key)))
        except (DamagedError, KeyMissingError):
            unreadable.append(key)
    return readable, unreadable


def read_catalog(store: Store, manifests: Iterable[Manifest]) -> Catalog:
    """The sessions that these generations hold together; where two hold a session, the newer receipt wins.

    Raises:
        DamagedError, KeyMissingError: a part is damaged or missing.
    """
    united: Catalog = {}
    parts: dict[BlobRef, list[CatalogEntry]] = {}
    for manifest in manifests:
        for session, entry in latest(_entries(store, manifest.parts, parts)).items():
            known = united.get(session)
            if known is None or _age(entry) > _age(known):
                united[session] = entry
    return united


def holds_forgotten(store: Store, manifest: Manifest, tombstones: Tombstones) -> bool:
    """Whether any file of a generation may hold what a tombstone names, also a state that a later one replaced.

    Raises:
        DamagedError, KeyMissingError: a part is damaged or missing.
    """
    if not tombstones:
        return False
    if any(tombstones.hold(entry.receipt) for entry in _entries(store, manifest.parts, {})):
        return True
    # What a segment holds of a replaced session is known by author and session only.
    parsed = (parse_receipt_key(key) for key in tombstones.receipts)
    withdrawn = {(parts.author, parts.session) for parts in parsed if parts}
    replaced = (map(encode_name, owner) for segment in manifest.segments for owner in segment.stale)
    return any(
        session in tombstones.sessions or (author, session) in withdrawn for author, session in replaced
    )


def write_part(store: Store, entries: Iterable[CatalogEntry]) -> BlobRef:
    """Store a catalog part with these sessions; its name."""
    return put_blob(store, pack(entries))


def compact_parts(store: Store, parts: Sequence[BlobRef]) -> tuple[BlobRef, ...]:
    """The same catalog in O(log n) parts, oldest first; usually `parts` with the last few merged."""
    refs = list(parts)
    merged: dict[BlobRef, bytes] = {}
    while (run := run_to_merge([ref.size for ref in refs])) is not None:
        entries = [
            entry for ref in refs[run] for entry in unpack(merged.get(ref) or get_blob(store, ref), ref.key)
        ]
        data = pack(latest(entries).values())
        merged[blob_ref(data)] = data
        refs[run] = [blob_ref(data)]
    for ref in refs:
        if ref in merged:
            put_blob(store, merged[ref])
    return tuple(refs)


def _check_files(store: Store, manifest: Manifest) -> None:
    for ref in (*manifest.texts.values(), *manifest.parts):
        get_blob(store, ref)
    for segment in manifest.segments:
        if not has_blob(store, segment.blob):
            raise DamagedError(segment.blob.key, "missing, or of another size")


def _files(manifest: Manifest) -> Iterator[BlobRef]:
    yield from manifest.parts
    yield from manifest.texts.values()
    yield from (segment.blob for segment in manifest.segments)


def _manifests(store: Store, project: str) -> list[tuple[str, ManifestKey]]:
    """Keys of manifests in the order in which they are to be read: number descending, nonce ascending."""
    found = [
        (key, parts)
        for key in store.keys(generation_prefix(project))
        if (parts := parse_manifest_key(key)) is not None
    ]
    return sorted(found, key=lambda item: (-item[1].number, item[1].nonce))


def _is_readable(store: Store, key: str) -> bool:
    try:
        read_manifest(store, key)
    except (DamagedError, KeyMissingError):
        return False
    return True


def _verified(store: Store, project: str) -> Iterator[Generation]:
    damaged: list[str] = []
    for key, _ in _manifests(store, project):
        try:
            manifest = verify(store, key)
        except (DamagedError, KeyMissingError):
            damaged.append(key)
            continue
        yield Generation(key, manifest, tuple(damaged))


def _entries(
    store: Store, parts: Iterable[BlobRef], read: dict[BlobRef, list[CatalogEntry]]
) -> Iterator[CatalogEntry]:
    """The entries of the parts in order; siblings share most parts, so each is read once."""
    for ref in parts:
        if ref not in read:
            read[ref] = unpack(get_blob(store, ref), ref.key)
        yield from read[ref]


def _age(entry: CatalogEntry) -> tuple[int, str]:
    """What orders receipts of one session: event time, then hash."""
    parts = parse_receipt_key(entry.receipt)
    return (parts.event_ms, parts.sha12) if parts else (-1, "")
