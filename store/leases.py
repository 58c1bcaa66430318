"""Leases: one compile at a time, where that saves work. Nothing depends on them for correctness.

Each claim is a key of its own that says since when and until when; the oldest claim that has not expired
holds the lease. Two may hold it for a moment (clocks differ, listings lag): both then do the same work.
"""

import re
import secrets
import time
from collections.abc import Iterator
from dataclasses import dataclass

from store.keys import lease_prefix
from store.protocol import Store

LONGEST = 24 * 3600.0
"""Seconds; a claim for longer, or from the future, is not honoured, whoever wrote it."""

_CLAIM = re.compile(r"(\d{13})-(\d{13})-[0-9a-f]{8}\.json")


@dataclass(frozen=True)
class Lease:
    """A lease that is held until it is released or expires."""

    store: Store
    key: str

    def release(self) -> None:
        """Give it back; again does nothing."""
        self.store.delete(self.key)


def acquire(store: Store, name: str, seconds: float) -> Lease | None:
    """The lease of this name for so many seconds, or None while somebody else holds it."""
    now = int(time.time() * 1000)
    until = now + int(min(seconds, LONGEST) * 1000)
    key = f"{lease_prefix(name)}/{now:013d}-{until:013d}-{secrets.token_hex(4)}.json"
    if any(True for _ in _claims(store, name, now)):
        return None
    store.put(key, b"{}")
    lease = Lease(store, key)
    if next(_claims(store, name, now), key) != key:
        lease.release()
        return None
    return lease


def _claims(store: Store, name: str, now: int) -> Iterator[str]:
    """The claims that count, oldest first; what has expired is removed on the way."""
    prefix = lease_prefix(name)
    for key in store.keys(prefix):
        match = _CLAIM.fullmatch(key.removeprefix(prefix + "/"))
        if match is None:
            continue
        since, until = int(match[1]), int(match[2])
        if until <= now or until - since > LONGEST * 1000:
            store.delete(key)
        elif since <= now + LONGEST * 1000:
            yield key
