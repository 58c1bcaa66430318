"""Adoption: what an earlier upload script left in a store's place becomes sessions, of text only.

Each text is redacted on this machine and stored as any upload is: blob, then receipt. The texts themselves stay as they
are. Everything follows from the text, so two machines that adopt at once write the same, and one that was stopped
goes on with those that have no receipt yet.
"""

import os
from collections.abc import Callable, Iterator, Sequence
from functools import cached_property

import msgspec

from data_models.errors import KeyMissingError
from data_models.folders import temporary_folder
from data_models.records import Receipt
from store.blobs import blob_ref
from store.codec import encode
from store.earlier import session_of
from store.keys import encode_name, parse_receipt_key
from store.protocol import Store
from store.receipts import key_of
from transcripts.agent import SessionFiles
from transcripts.redaction.engine import Redactor
from transcripts.slim import slim_session
from transcripts.text_only import TextOnly, records, stated

AUTHOR, PROJECT = "unknown", "adopted"
"""Of a text that names none."""

_BATCH = 16
"""Texts in memory at a time."""


class Adoption:
    """Imports texts; a `store.earlier.Adopt`.

    Args:
        redactor: gives what replaces secrets; asked only if there is something to import.

    Attributes:
        sessions: how many were imported.
    """

    def __init__(self, redactor: Callable[[], Redactor]) -> None:
        self._made = redactor
        self.sessions = 0

    @cached_property
    def _redactor(self) -> Redactor:
        return self._made()

    def __call__(self, store: Store, keys: Sequence[str]) -> None:
        """See `store.earlier.Adopt`.

        Raises:
            StoreError: the store failed; what was imported so far is kept.
        """
        known = {parts.session for key in store.keys("inbox") if (parts := parse_receipt_key(key))}
        left = [key for key in keys if encode_name(session_of(key)) not in known]
        for at in range(0, len(left), _BATCH):
            uploads = list(self._read(store, left[at : at + _BATCH]))
            store.put_many([(receipt.slim.key, blob) for receipt, blob in uploads])
            store.put_many([(key_of(receipt), encode(receipt)) for receipt, _ in uploads])
            self.sessions += len(uploads)

    def _read(self, store: Store, keys: Sequence[str]) -> Iterator[tuple[Receipt, bytes]]:
        for key in keys:
            try:
                yield self._upload(key, store.get(key))
            except KeyMissingError:
                continue  # its owner removed it meanwhile

    def _upload(self, key: str, data: bytes) -> tuple[Receipt, bytes]:
        """A text as an upload: what it says of itself is redacted too, since names of projects are shown."""
        session, text = session_of(key), data.decode("utf-8", "replace")
        with temporary_folder() as folder:
            main = folder / session / "transcript.txt"
            main.parent.mkdir()
            main.write_bytes(b"".join(msgspec.json.encode(record) + b"\n" for record in records(text)))
            os.utime(main, (0, 0))  # a text without times has none: neither this moment nor this machine's
            slim = slim_session(SessionFiles(TextOnly.name, session, "", main), self._redactor)
        author, project = (self._redactor(value, {}) for value in stated(text))
        receipt = Receipt(
            session_id=session,
            agent=TextOnly.name,
            author=author or AUTHOR,
            project=project or PROJECT,
            event_ms=slim.event_ms,
            slim=blob_ref(slim.blob),
            raw_bytes=len(data),
            records=slim.records,
            files=(key,),
            rejects=slim.rejects,
            redactions=slim.redactions,
            rules=self._redactor.rules,
        )
        return receipt, slim.blob
