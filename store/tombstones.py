"""Tombstones: uploads that count as not there, whoever stores them again.

    tombstones/sessions/<session>/<ms>-<nonce>.json                                a session that was forgotten
    tombstones/receipts/<project>/<author>/<session>/<event ms>-<sha12>.json       one state of a session, withdrawn
                                                                                   because a cleaner one stands for it

The key alone says what is meant, in the very segments that the receipt's key has: so one listing tells everything,
and a tombstone whose bytes are damaged counts all the same. Nothing ever removes one.
"""

import secrets
import time
from collections.abc import Collection, Iterable

import msgspec

from data_models.records import FORMAT_VERSION
from store.codec import encode
from store.keys import (
    TOMBSTONES,
    encode_name,
    forgotten_key,
    parse_forgotten_key,
    parse_receipt_key,
    receipt_of_tombstone,
    withdrawn_key,
)
from store.protocol import Store


class Tombstone(msgspec.Struct, frozen=True, kw_only=True):
    """What a tombstone holds for people: a session's id or a receipt's key, and since when (Unix milliseconds)."""

    name: str
    since: int
    format: int = FORMAT_VERSION


class Tombstones(msgspec.Struct, frozen=True):
    """All of a store: sessions as segments of keys, withdrawn receipts as their keys."""

    sessions: frozenset[str] = frozenset()
    receipts: frozenset[str] = frozenset()

    def __bool__(self) -> bool:
        return bool(self.sessions or self.receipts)

    def hold(self, receipt: str) -> bool:
        """Whether the receipt with this key counts as not there."""
        parts = parse_receipt_key(receipt)
        return receipt in self.receipts or (parts is not None and parts.session in self.sessions)

    def hold_session(self, session_id: str) -> bool:
        """Whether this session was forgotten."""
        return encode_name(session_id) in self.sessions

    def standing(self, receipts: Iterable[str]) -> list[str]:
        """Those of these receipts that still count, in the same order."""
        return [key for key in receipts if not self.hold(key)]


def read_tombstones(store: Store) -> Tombstones:
    """All tombstones of a store, in one listing."""
    keys = list(store.keys(TOMBSTONES))
    sessions = (parse_forgotten_key(key) for key in keys)
    receipts = (receipt_of_tombstone(key) for key in keys)
    return Tombstones(frozenset(filter(None, sessions)), frozenset(filter(None, receipts)))


def forget_sessions(store: Store, session_ids: Iterable[str]) -> int:
    """Say that these sessions are forgotten, durably; how many were not before."""
    known, now = read_tombstones(store), _now()
    new = sorted({session_id for session_id in session_ids if not known.hold_session(session_id)})
    store.put_many(
        (forgotten_key(session_id, now, secrets.token_hex(4)), _stone(session_id, now)) for session_id in new
    )
    return len(new)


def withdraw_receipts(store: Store, receipts: Collection[str]) -> None:
    """Say that these states of sessions count as not there, durably. Others that stand for them come first."""
    # Who withdraws the same receipt at the same time replaces one moment by another, and nobody reads it.
    store.put_many((withdrawn_key(key), _stone(key, _now())) for key in receipts)


def _stone(name: str, since: int) -> bytes:
    return encode(Tombstone(name=name, since=since))


def _now() -> int:
    return int(time.time() * 1000)
