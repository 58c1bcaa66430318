"""Who uploaded what to a project, as its receipts tell it: for `status`."""

from collections import defaultdict
from collections.abc import Iterable, Set
from itertools import chain

import msgspec

from data_models.errors import DamagedError, KeyMissingError
from data_models.records import CatalogEntry
from store.keys import decode_name, parse_receipt_key
from store.protocol import Store
from store.receipts import newest_per_session, read_receipt, receipt_keys

_NEWEST = 3


class UploadedSession(msgspec.Struct, frozen=True, kw_only=True):
    """The newest state of a session: `time` of its newest record in Unix milliseconds, `title` "" while it waits."""

    session_id: str
    time: int
    title: str
    waiting: bool


class AuthorUploads(msgspec.Struct, frozen=True, kw_only=True):
    """An author, how many sessions the project has of them, and the newest few."""

    author: str
    sessions: int
    newest: list[UploadedSession]


def uploads_by_author(
    store: Store, project: str, entries: Iterable[CatalogEntry], waiting: Set[str]
) -> list[AuthorUploads]:
    """Who uploaded what, the author of the newest session first.

    Args:
        store: the store.
        project: the project.
        entries: the sessions of its newest generation.
        waiting: keys of the receipts that it does not hold.
    """
    held = {entry.receipt: entry for entry in entries}
    by_author: dict[str, list[tuple[int, str]]] = defaultdict(list)
    for key in newest_per_session(chain(receipt_keys(store, project), held)):
        parts = parse_receipt_key(key)
        if parts is not None:
            by_author[parts.author].append((parts.event_ms, key))
    newest = sorted(by_author.values(), key=max, reverse=True)
    return [_author(store, sorted(uploads, reverse=True), held, waiting) for uploads in newest]


def _author(
    store: Store, uploads: list[tuple[int, str]], held: dict[str, CatalogEntry], waiting: Set[str]
) -> AuthorUploads:
    names = [_names(store, key, held.get(key)) for _, key in uploads[:_NEWEST]]
    shown = [
        UploadedSession(
            session_id=session_id,
            time=time,
            title=held[key].title if key in held else "",
            waiting=key in waiting,
        )
        for (_, session_id), (time, key) in zip(names, uploads, strict=False)
    ]
    return AuthorUploads(author=names[0][0], sessions=len(uploads), newest=shown)


def _names(store: Store, key: str, entry: CatalogEntry | None) -> tuple[str, str]:
    """Author and session of a receipt; a name too long for its key is read, or else shown as the key has it."""
    if entry is not None:
        return entry.author, entry.session_id
    _, _, author, session, _ = key.split("/")
    decoded = decode_name(author), decode_name(session)
    if None in decoded:
        try:
            receipt = read_receipt(store, key)
        except (DamagedError, KeyMissingError):
            pass
        else:
            return receipt.author, receipt.session_id
    return decoded[0] or author, decoded[1] or session
