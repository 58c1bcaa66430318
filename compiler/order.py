"""Which state of a session is the later one, where its records do not say."""

import time
from collections.abc import Iterable

import msgspec

from data_models.errors import DamagedError, KeyMissingError
from data_models.records import Receipt
from store.keys import parse_receipt_key
from store.protocol import Store
from store.receipts import key_of, read_receipt


def ordered(store: Store, receipt: Receipt) -> Receipt:
    """The receipt, moved behind the states of its session that it replaces.

    Receipts are ordered by the time of the newest record, and a session can change without one: a title that
    bears no time, a tool's result beside the file, a new redaction rule, a secret that its owner cut out. Two
    such states would be ordered by their hashes, so the one that is uploaded later is dated a millisecond later.
    A state that the store has is left where it is, and so is one with fewer records than what stands at its time.
    What went through fewer redaction rules than the newest state, and holds no more records, goes before it: who has
    older rules must not bring back what newer ones took out.
    Where a clock was ahead, a state may be dated after those that follow it: behind one that is dated in the future
    comes what has more records.

    Args:
        store: where the session's other receipts are.
        receipt: the new one.
    """
    folder = key_of(receipt).rpartition("/")[0]
    standing = list(store.keys(folder))
    newest = max(standing, key=_age, default="")
    moved = msgspec.structs.replace(receipt, event_ms=max(receipt.event_ms, _age(newest)[0]))
    if key_of(moved) == newest:
        return moved
    if newest and receipt.event_ms <= _age(newest)[0] and _is_cleaner(store, newest, receipt):
        return msgspec.structs.replace(receipt, event_ms=min(receipt.event_ms, _age(newest)[0] - 1))
    is_in_future = moved.event_ms > time.time() * 1000
    if moved.event_ms > receipt.event_ms and not (is_in_future and _records(store, newest) < receipt.records):
        moved = receipt
    while rivals := _at(standing, moved.event_ms):
        if key_of(moved) in rivals:
            return moved
        if any(_records(store, key) > receipt.records for key in rivals):
            return receipt
        moved = msgspec.structs.replace(moved, event_ms=moved.event_ms + 1)
    return moved


def _age(key: str) -> tuple[int, str]:
    """What orders receipts of one session: event time, then hash."""
    parts = parse_receipt_key(key)
    return (parts.event_ms, parts.sha12) if parts else (-1, "")


def _at(keys: Iterable[str], event_ms: int) -> list[str]:
    return [key for key in keys if (parts := parse_receipt_key(key)) and parts.event_ms == event_ms]


def _is_cleaner(store: Store, newest: str, receipt: Receipt) -> bool:
    """Whether the newest state went through rules that this one did not, and holds as many records."""
    try:
        standing = read_receipt(store, newest)
    except (DamagedError, KeyMissingError):
        return False
    return not receipt.rules.cover(standing.rules) and standing.records >= receipt.records


def _records(store: Store, key: str) -> int:
    try:
        return read_receipt(store, key).records
    except (DamagedError, KeyMissingError):
        return 0  # who uploads it again mends it
