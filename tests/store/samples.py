"""Invented receipts, catalog entries and generations, and a compile reduced to what the store sees of it."""

from collections.abc import Iterable

from data_models.records import BlobRef, CatalogEntry, Manifest, Receipt
from store.blobs import blob_ref, put_blob
from store.generations import (
    compact_parts,
    heads,
    new_nonce,
    next_number,
    publish,
    read_catalog,
    write_part,
)
from store.protocol import Store
from store.receipts import newest_per_session, read_receipt, receipt_keys

PROJECT = "github.com/acme/rockets"
NOWHERE = BlobRef("0" * 64, 0)


def slim_of(session: str, event_ms: int = 1) -> bytes:
    return f"slim transcript of {session} at {event_ms}".encode()


def make_receipt(session: str, event_ms: int = 1, author: str = "Ann", project: str = PROJECT) -> Receipt:
    return Receipt(
        session_id=session,
        agent="claude-code",
        author=author,
        project=project,
        event_ms=event_ms,
        slim=blob_ref(slim_of(session, event_ms)),
        raw_bytes=100,
        records=3,
    )


def make_entry(receipt_key: str, receipt: Receipt, title: str = "") -> CatalogEntry:
    return CatalogEntry(
        receipt=receipt_key,
        session_id=receipt.session_id,
        agent=receipt.agent,
        author=receipt.author,
        title=title,
        branch="main",
        started=1,
        ended=2,
        events=3,
        prompts=1,
        slim=receipt.slim,
        parquet=NOWHERE,
        chunks=(),
        digest="",
    )


def make_manifest(store: Store, number: int = 1, nonce: str = "00000000", **changes: object) -> Manifest:
    fields: dict[str, object] = {
        "project": PROJECT,
        "number": number,
        "nonce": nonce,
        "parents": (),
        "parts": (),
        "segments": (),
        "texts": {"brief": put_blob(store, f"brief {number} {nonce}".encode())},
        "counts": {},
        "created": 1,
        "versions": {},
    }
    return Manifest(**{**fields, **changes})  # type: ignore[arg-type]


def compile_like(store: Store, project: str = PROJECT, before_publish: Iterable[object] = ()) -> str:
    """Publish a generation that holds every receipt in the inbox, as a compile does; its key."""
    parents = heads(store, project)
    manifests = [parent.manifest for parent in parents]
    united = read_catalog(store, manifests)
    base = read_catalog(store, manifests[:1])
    held = {entry.receipt for entry in united.values()}
    receipts = [key for key in newest_per_session(receipt_keys(store, project)) if key not in held]
    new = [entry for owner, entry in united.items() if base.get(owner) != entry]
    new += [make_entry(key, read_receipt(store, key)) for key in receipts]
    parts = manifests[0].parts if manifests else ()
    if new:
        parts = (*parts, write_part(store, new))
    parts = compact_parts(store, parts)
    number = next_number(store, project)
    for _ in before_publish:
        pass
    manifest = make_manifest(
        store,
        number,
        new_nonce(),
        project=project,
        parts=parts,
        parents=tuple(parent.key for parent in parents),
    )
    return publish(store, manifest)
