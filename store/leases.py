"""Leases: one compile at a time, where that saves work. Nothing depends on them for correctness.

Each claim is a key of its own that says since when, until when, and which process of which machine; the oldest
claim that has not expired holds the lease. A claim whose process is gone from this machine counts no more. Two
may hold a lease for a moment (clocks differ, listings lag): both then do the same work.
"""

import hashlib
import os
import re
import secrets
import socket
import time
from collections.abc import Iterator
from dataclasses import dataclass

from store.keys import lease_prefix
from store.protocol import Store

LONGEST = 24 * 3600.0
"""Seconds; a claim for longer, or from the future, is not honoured, whoever wrote it."""

_CLAIM = re.compile(r"(\d{13})-(\d{13})-([0-9a-f]{8})-(\d{1,10})-[0-9a-f]{8}\.json")


@dataclass
class Lease:
    """A lease that is held until it is released or expires."""

    store: Store
    name: str
    since: int
    key: str

    def renew(self, seconds: float) -> None:
        """Hold it for so many seconds from now."""
        key = _claim_key(self.name, self.since, seconds)
        self.store.put(key, b"{}")
        old, self.key = self.key, key
        self.store.delete(old)

    def release(self) -> None:
        """Give it back; again does nothing."""
        self.store.delete(self.key)


def acquire(store: Store, name: str, seconds: float) -> Lease | None:
    """The lease of this name for so many seconds, or None while somebody else holds it."""
    now = _now()
    if any(True for _ in _claims(store, name, now)):
        return None
    lease = Lease(store, name, now, _claim_key(name, now, seconds))
    store.put(lease.key, b"{}")
    if next(_claims(store, name, now), lease.key) != lease.key:
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
        if until <= now or until - since > LONGEST * 1000 or _is_gone(match[3], int(match[4])):
            store.delete(key)
        elif since <= now + LONGEST * 1000:
            yield key


def _claim_key(name: str, since: int, seconds: float) -> str:
    until = min(_now() + int(seconds * 1000), since + int(LONGEST * 1000))
    claim = f"{since:013d}-{until:013d}-{_machine()}-{os.getpid()}-{secrets.token_hex(4)}.json"
    return f"{lease_prefix(name)}/{claim}"


def _is_gone(machine: str, process: int) -> bool:
    """Whether this is a process of this machine that no longer runs."""
    if machine != _machine() or os.name != "posix":  # elsewhere signal 0 is not a mere look
        return False
    try:
        os.kill(process, 0)
    except (ProcessLookupError, OverflowError):
        return True
    except PermissionError:
        return False
    return False


def _machine() -> str:
    return hashlib.sha256(socket.gethostname().encode()).hexdigest()[:8]


def _now() -> int:
    return int(time.time() * 1000)
