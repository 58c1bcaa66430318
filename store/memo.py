"""Memo: results that were paid for, under the hash of their inputs."""

import hashlib
import threading
from collections.abc import Iterable

from data_models.errors import KeyMissingError
from store.keys import memo_key
from store.protocol import Store

_CHECKSUM = 32  # bytes of SHA-256 before the value


class Memo:
    """Looks up and keeps results by stage and hash; safe to use from several threads.

    A damaged result is a miss and is counted in `damaged`: it costs one more call and no more.
    """

    def __init__(self, store: Store) -> None:
        self._store = store
        self._lock = threading.Lock()
        self.damaged = 0

    def get(self, stage: str, digest: str) -> bytes | None:
        """The result of `stage` for inputs with this hash (hex), or None."""
        key = memo_key(stage, digest)
        try:
            stored = self._store.get(key)
        except KeyMissingError:
            return None
        if not is_result(key, stored):
            with self._lock:
                self.damaged += 1
            return None
        return stored[_CHECKSUM:]

    def put(self, stage: str, digest: str, data: bytes) -> None:
        """Keep a result; durable when it returns."""
        self.put_many(stage, [(digest, data)])

    def put_many(self, stage: str, results: Iterable[tuple[str, bytes]]) -> None:
        """Keep several results (hash, value) of one stage, cheaper than one by one."""
        keyed = ((memo_key(stage, digest), data) for digest, data in results)
        self._store.put_many((key, _checksum(key, data) + data) for key, data in keyed)


def is_result(key: str, stored: bytes) -> bool:
    """Whether these bytes, as they are stored, are a sound result under this key."""
    return stored[:_CHECKSUM] == _checksum(key, stored[_CHECKSUM:])


def _checksum(key: str, data: bytes) -> bytes:
    # The key is part of it, so that a value under another's key is seen too.
    return hashlib.sha256(key.encode() + b"\0" + data).digest()
