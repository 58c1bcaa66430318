"""Receipts: the record of each upload, immutable, named after its content."""

import hashlib
from collections.abc import Iterable

from data_models.errors import DamagedError
from data_models.events import LATEST_MS
from data_models.records import Receipt
from store.codec import check_ref, decode, encode
from store.keys import (
    ReceiptKey,
    decode_name,
    encode_name,
    inbox_prefix,
    parse_receipt_key,
    receipt_key,
)
from store.protocol import Store
from store.tombstones import Tombstones, read_tombstones


def key_of(receipt: Receipt) -> str:
    """The receipt's key, which its content decides."""
    return _key(receipt, encode(receipt))


def write_receipt(store: Store, receipt: Receipt) -> str:
    """Store a receipt (its blob comes first); its key. The same again changes nothing."""
    data = encode(receipt)
    key = _key(receipt, data)
    store.put(key, data)
    return key


def read_receipt(store: Store, key: str) -> Receipt:
    """The receipt under a key.

    Raises:
        KeyMissingError: there is none.
        DamagedError: it is not the receipt that its key names.
        FormatTooNewError: a newer rlm-context wrote it.
    """
    return parse_receipt(store.get(key), key)


def parse_receipt(data: bytes, key: str) -> Receipt:
    """The receipt with these bytes and this key; raises as `read_receipt` does."""
    parts = parse_receipt_key(key)
    if parts is None or hashlib.sha256(data).hexdigest()[:12] != parts.sha12:
        raise DamagedError(key, "its bytes do not fit its name")
    receipt = decode(data, Receipt, key)
    check_ref(receipt.slim, key)
    if _key(receipt, data) != key or min(receipt.raw_bytes, receipt.records) < 0:
        raise DamagedError(key, "it is the receipt of another session")
    if receipt.event_ms > LATEST_MS:
        raise DamagedError(key, "it is dated after the year 9999")
    return receipt


def receipt_keys(store: Store, project: str, tombstones: Tombstones | None = None) -> list[str]:
    """The keys of a project's receipts, sorted; what is forgotten or no receipt's key is left out.

    Args:
        store: where they are.
        project: the project.
        tombstones: those of the store, where they are known already.
    """
    stones = read_tombstones(store) if tombstones is None else tombstones
    return stones.standing(key for key in store.keys(inbox_prefix(project)) if parse_receipt_key(key))


def newest_per_session(keys: Iterable[str]) -> list[str]:
    """Of several receipts of one session of one author the newest by event time, then hash; sorted."""
    newest: dict[tuple[str, str, str], tuple[ReceiptKey, str]] = {}
    for key in keys:
        parts = parse_receipt_key(key)
        if parts is None:
            continue
        known = newest.get(parts[:3])
        if known is None or parts > known[0]:
            newest[parts[:3]] = (parts, key)
    return sorted(key for _, key in newest.values())


def projects(store: Store) -> list[str]:
    """The names of all projects that have a receipt or a generation, sorted."""
    segments = {*store.folders("inbox"), *store.folders("gen")}
    names = (_project_name(store, segment) for segment in segments)
    return sorted(name for name in names if name is not None)


def _project_name(store: Store, segment: str) -> str | None:
    name = decode_name(segment)
    return name if name is not None else _recorded_name(store, segment)


def _recorded_name(store: Store, segment: str) -> str | None:
    """The name of a project whose segment is only a hash: its first sound receipt says it."""
    if encode_name(segment) == segment:
        return None
    for key in store.keys(f"inbox/{segment}"):
        try:
            return read_receipt(store, key).project
        except DamagedError:
            continue
    return None


def _key(receipt: Receipt, data: bytes) -> str:
    return receipt_key(receipt.project, receipt.author, receipt.session_id, receipt.event_ms, data)
