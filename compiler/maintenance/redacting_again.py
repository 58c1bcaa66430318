"""New redaction rules over what was stored under older ones.

Each stored state of a session is read once for each set of rules. Where they find something in the newest state, a
cleaner one is uploaded in its place; where they find something in any state, that one is withdrawn: it counts as not
there from then on, the next compile builds nothing on it, and `compiler.forgetting.purge` removes what held its words.
Which states are clean is noted in the store, so a run goes on where the one before ended.
"""

from collections import Counter
from collections.abc import Iterator

import msgspec

from compiler.order import ordered
from compiler.runtime import Runtime
from compiler.uploading.readable import readable_key, write_readable
from compiler.work import content_hash
from data_models.errors import DamagedError, KeyMissingError
from data_models.events import Reject
from data_models.records import Receipt, Rules
from store.blobs import blob_ref, get_blob, put_blob
from store.codec import MALFORMED, encode
from store.receipts import newest_per_session, projects, read_receipt, receipt_keys, write_receipt
from store.tombstones import read_tombstones, withdraw_receipts
from transcripts.redaction.engine import Redactor
from transcripts.slim_again import redact_slim

MOST_BYTES = 256 << 20
"""Bytes of slim blobs that one run reads: a few minutes of a processor."""

_SAVED_EVERY = 200
"""States between two notes of what is clean."""


class RedactedAgain(msgspec.Struct, kw_only=True):
    """What a run did.

    States of sessions that were read, those of them in which something was found (`withdrawn`) and those that a
    cleaner one stands for now (`replaced`; the others had a later state); states left for the next run, those that
    cannot be read, and secrets replaced by kind.
    """

    read: int = 0
    withdrawn: int = 0
    replaced: int = 0
    left: int = 0
    unreadable: int = 0
    redactions: dict[str, int] = {}


class _Note(msgspec.Struct, frozen=True):
    """The slim blobs (SHA-256) in which these rules found nothing."""

    clean: list[str]


def redact_again(runtime: Runtime, *, most_bytes: int = MOST_BYTES) -> RedactedAgain:
    """Bring what is stored up to this runtime's redaction rules; a compile and `compiler.forgetting.purge` come after.

    Rules that others applied stay applied: what they replaced is gone, and a cleaner state is known to be so. Another
    redaction key is no new rule.

    Args:
        runtime: the process's runtime.
        most_bytes: bytes of slim blobs to read before the rest is left for the next run.

    Raises:
        StoreError: the store failed; what was done counts, and the next run goes on.
    """
    done, work = RedactedAgain(), _Work(runtime)
    size = 0
    for key, receipt, is_newest in work.states():
        if receipt is None:
            done.unreadable += 1
        elif size >= most_bytes:
            done.left += 1
        else:
            size += receipt.slim.size
            work.redact(key, receipt, is_newest, done)
    work.save()
    return done


class _Work:
    """One run: the rules, and which blobs are known to be clean under them."""

    def __init__(self, runtime: Runtime) -> None:
        self._store = runtime.store
        self._redactor = runtime.redactor
        self._note = f"notes/redaction-{_name(self._redactor.rules)}.json"
        self._clean = self._read_note()
        self._unsaved = 0

    def states(self) -> Iterator[tuple[str, Receipt | None, bool]]:
        """What did not go through these rules yet: the receipt's key, the receipt if it can be read, and whether it is
        the newest state of its session."""
        tombstones = read_tombstones(self._store)
        for project in projects(self._store):
            keys = receipt_keys(self._store, project, tombstones)
            newest = set(newest_per_session(keys))
            for key in keys:
                try:
                    receipt = read_receipt(self._store, key)
                except (DamagedError, KeyMissingError):
                    yield key, None, key in newest
                    continue
                if not receipt.rules.cover(self._redactor.rules) and receipt.slim.sha256 not in self._clean:
                    yield key, receipt, key in newest

    def redact(self, key: str, receipt: Receipt, is_newest: bool, done: RedactedAgain) -> None:
        """Put a cleaner state in the place of this one, if the rules find anything in it."""
        done.read += 1
        try:
            blob, counts = redact_slim(get_blob(self._store, receipt.slim), self._redactor)
        except (DamagedError, KeyMissingError):
            done.unreadable += 1
            return
        cleaner = _cleaner(receipt, blob, counts, self._redactor)
        if cleaner is None:
            self._keep(receipt.slim.sha256)
            return
        if is_newest:
            put_blob(self._store, blob)
            write_receipt(self._store, ordered(self._store, cleaner))
            if self._store.size(readable_key(receipt.author, receipt.session_id)) is not None:
                write_readable(self._store, cleaner, blob)
            done.replaced += 1
        withdraw_receipts(self._store, [key])
        done.withdrawn += 1
        done.redactions = dict(Counter(done.redactions) + Counter(counts))

    def save(self) -> None:
        """Note what is clean."""
        if self._unsaved:
            self._store.put(self._note, encode(_Note(sorted(self._clean))))
            self._unsaved = 0

    def _keep(self, sha256: str) -> None:
        self._clean.add(sha256)
        self._unsaved += 1
        if self._unsaved >= _SAVED_EVERY:
            self.save()

    def _read_note(self) -> set[str]:
        try:
            return set(msgspec.json.decode(self._store.get(self._note), type=_Note).clean)
        except (KeyMissingError, *MALFORMED):
            return set()


def _cleaner(receipt: Receipt, blob: bytes, counts: dict[str, int], redactor: Redactor) -> Receipt | None:
    """The receipt of a cleaner state; None if there is nothing that would be cleaner."""
    told: dict[str, int] = {}
    clean = msgspec.structs.replace(
        receipt,
        slim=blob_ref(blob),
        files=tuple(redactor(name, told) for name in receipt.files),
        rejects=tuple(Reject(redactor(one.file, told), one.line, one.reason) for one in receipt.rejects),
        remote=redactor(receipt.remote, told),
        branch=redactor(receipt.branch, told),
        cwd=redactor(receipt.cwd, told),
        redactions=dict(Counter(receipt.redactions) + Counter(counts)),
        rules=receipt.rules | redactor.rules,
    )
    return clean if counts or told else None


def _name(rules: Rules) -> str:
    return content_hash("rules", rules)[:16]
