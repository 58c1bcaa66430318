"""A session as plain text for people, beside its upload: `sessions/<author>/<id>/transcript.txt` in the store.

It is made of the redacted events, is replaced by the next upload of the session, and is never read back.
"""

from collections.abc import Iterator, Sequence
from datetime import UTC, datetime

from data_models.errors import StoreError
from data_models.events import LATEST_MS, Event
from data_models.records import Receipt
from store.keys import encode_name
from store.protocol import Store
from transcripts.events import read_events

LONGEST = 256 << 20
"""Bytes of a transcript above which there is no text of it: nobody reads that, and making it takes two and a half times
the transcript's size in memory, where the upload itself takes little more than the compressed blob."""


def readable_key(author: str, session_id: str) -> str:
    """The key of a session's readable copy."""
    return f"sessions/{encode_name(author)}/{encode_name(session_id)}/transcript.txt"


def readable(receipt: Receipt, blob: bytes) -> str:
    """The text of a session.

    Args:
        receipt: the upload's receipt.
        blob: its slim blob.

    Raises:
        DamagedError: it is no slim blob.
    """
    events, _ = read_events(blob)
    return "\n".join([*_head(receipt), *_told(events)]) + "\n"


def write_readable(store: Store, receipt: Receipt, blob: bytes) -> list[str]:
    """Store the readable copy of an upload; why it could not be, [] where it was.

    The upload stands without it, so a failure stops nothing.
    """
    if receipt.raw_bytes > LONGEST:
        size = receipt.raw_bytes >> 20
        return [f"no readable copy of {receipt.session_id}: {size:,} MB are too long for a text"]
    try:
        store.put(readable_key(receipt.author, receipt.session_id), readable(receipt, blob).encode())
    except StoreError as error:
        return [f"no readable copy of {receipt.session_id}: {error.message}"]
    return []


def _head(receipt: Receipt) -> Iterator[str]:
    yield f"session  {receipt.session_id}"
    yield f"author   {receipt.author}"
    yield f"project  {receipt.project}"
    yield f"agent    {receipt.agent} {receipt.host_version}".rstrip()
    for name, value in (("folder", receipt.cwd), ("branch", receipt.branch), ("remote", receipt.remote)):
        if value:
            yield f"{name:<8} {value}"
    if receipt.redactions:
        kinds = ", ".join(f"{count} {kind}" for kind, count in sorted(receipt.redactions.items()))
        yield f"redacted {kinds}"


def _told(events: Sequence[Event]) -> Iterator[str]:
    """Each event under a line that says which record it is, whose, and when."""
    for event in events:
        name = " ".join(filter(None, (event.role, event.kind, event.tool, _time(event.time))))
        yield f"\n[#{event.ref} {name}{', error' if event.is_error else ''}]"
        yield event.text


def _time(milliseconds: int | None) -> str:
    if milliseconds is None or not 0 <= milliseconds <= LATEST_MS:
        return ""
    return datetime.fromtimestamp(milliseconds / 1000, UTC).strftime("%Y-%m-%d %H:%M:%S")
