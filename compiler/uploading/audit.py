"""What left this machine: an append-only record in the home, one JSON line a session state.

A line is written before the upload is handed over, so that nothing leaves unrecorded; an upload that then waits
in the spool is on record as well. Uploads to the default local store leave nothing and are not listed.
"""

import os
import time
from collections.abc import Iterable
from contextlib import suppress
from functools import cached_property
from pathlib import Path

import msgspec

from data_models.decoding import decode_json
from data_models.records import Receipt
from store.files import store_errors
from store.receipts import key_of


class Left(msgspec.Struct, frozen=True, kw_only=True):
    """One state of one session that went to a store others may read.

    `time` is Unix milliseconds, `bytes` the size of what was sent (compressed), `redactions` secrets by kind
    that were replaced before.
    """

    time: int
    session_id: str
    author: str
    project: str
    store: str
    receipt: str
    bytes: int
    redactions: dict[str, int]


def audit_file(home: Path) -> Path:
    """Where the record is."""
    return home / "audit.jsonl"


class AuditLog:
    """Writes the record; it is read once, however much is added.

    Args:
        home: the user's home of rlm-context.
    """

    def __init__(self, home: Path) -> None:
        self._home = home

    def note_leaving(self, store_url: str, receipts: Iterable[Receipt]) -> None:
        """Add uploads that are about to be handed over; what is on record already is not added again.

        Raises:
            StoreError: the record cannot be written; then nothing may be sent.
        """
        new = {
            (store_url, key): receipt
            for receipt in receipts
            if (store_url, key := key_of(receipt)) not in self._known
        }
        lines = [msgspec.json.encode(_left(url, key, receipt)) + b"\n" for (url, key), receipt in new.items()]
        if lines:
            _append(audit_file(self._home), b"".join(lines))
            self._known.update(new)

    @cached_property
    def _known(self) -> set[tuple[str, str]]:
        return {(left.store, left.receipt) for left in read_audit(self._home)}


def read_audit(home: Path) -> list[Left]:
    """Everything on record, oldest first; a line that a crash cut off is passed over.

    Raises:
        StoreError: the record is there and cannot be read.
    """
    with store_errors(home):
        try:
            lines = audit_file(home).read_bytes().split(b"\n")
        except FileNotFoundError:
            return []
    found = []
    for line in lines:
        with suppress(msgspec.MsgspecError):
            found.append(decode_json(line, Left))
    return found


def _left(store_url: str, key: str, receipt: Receipt) -> Left:
    return Left(
        time=int(time.time() * 1000),
        session_id=receipt.session_id,
        author=receipt.author,
        project=receipt.project,
        store=store_url,
        receipt=key,
        bytes=receipt.slim.size,
        redactions=receipt.redactions,
    )


def _append(path: Path, data: bytes) -> None:
    with store_errors(path.parent):
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC, 0o600)
        with os.fdopen(descriptor, "rb+", buffering=0) as file:
            size = file.seek(0, os.SEEK_END)
            if size and os.pread(descriptor, 1, size - 1) != b"\n":
                data = b"\n" + data  # half a line of a crash must not swallow the next one
            file.write(data)
            os.fsync(descriptor)
