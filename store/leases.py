"""Leases: one compile at a time, where that saves work. Nothing depends on them for correctness.

Each claim is a key of its own that says since when, until when, and which process of which machine; the oldest
claim that has not expired holds the lease. A claim whose process is gone from this machine counts no more. Two
may hold a lease for a moment (clocks differ, listings lag): both then do the same work. A claim of a machine whose
clock is ahead holds nobody back for long either: see `Candidate`.
"""

import os
import re
import secrets
import time
from collections.abc import Iterator
from dataclasses import dataclass
from typing import NamedTuple

from data_models.processes import runs
from store.keys import lease_prefix
from store.machine import machine
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
        key = _claim_key(self.name, self.since, _now(), seconds)
        self.store.put(key, b"{}")
        old, self.key = self.key, key
        self.store.delete(old)

    def release(self) -> None:
        """Give it back; again does nothing."""
        self.store.delete(self.key)


@dataclass(frozen=True)
class Holder:
    """Who holds a lease: since when and until when by the holder's clock (Unix milliseconds), and whether it is a
    process of this machine; nothing else is known of other machines."""

    since: int
    until: int
    is_here: bool


def acquire(store: Store, name: str, seconds: float) -> Lease | None:
    """The lease of this name for so many seconds, or None while somebody else holds it."""
    return Candidate(store, name, seconds).acquire()


def holder(store: Store, name: str) -> Holder | None:
    """Who holds the lease now; nothing is changed."""
    now = _now()
    claims = (claim for claim in _written(store, name) if not _is_over(claim, now))
    first = next((claim for claim in claims if claim.since <= now + LONGEST * 1000), None)
    return first and Holder(first.since, first.until, first.machine == machine())


class Candidate:
    """Somebody who tries for a lease again and again.

    A claim that it saw unchanged for as long as the claim is in all counts no more, whatever clocks say: its holder
    would have renewed it.

    Args:
        store: where the claims are.
        name: the lease.
        seconds: how long it is wanted for.
    """

    def __init__(self, store: Store, name: str, seconds: float) -> None:
        self._store = store
        self._name = name
        self._seconds = seconds
        self._seen: dict[str, float] = {}

    def acquire(self) -> Lease | None:
        """The lease, or None while somebody else holds it."""
        now = _now()
        if any(True for _ in self._claims(now)):
            return None
        lease = Lease(self._store, self._name, now, _claim_key(self._name, now, now, self._seconds))
        self._store.put(lease.key, b"{}")
        if next(self._claims(now), lease.key) != lease.key:
            lease.release()
            return None
        return lease

    def _claims(self, now: int) -> Iterator[str]:
        """The claims that count, oldest first; what has expired is removed on the way."""
        moment = time.monotonic()
        for claim in _written(self._store, self._name):
            if _is_over(claim, now):
                self._store.delete(claim.key)
            elif claim.since <= now + LONGEST * 1000:
                seconds = moment - self._seen.setdefault(claim.key, moment)
                if seconds * 1000 <= claim.until - claim.since:
                    yield claim.key


class _Claim(NamedTuple):
    key: str
    since: int
    until: int
    machine: str
    process: int


def _written(store: Store, name: str) -> Iterator[_Claim]:
    """All claims of a lease, oldest first."""
    prefix = lease_prefix(name)
    for key in store.keys(prefix):
        match = _CLAIM.fullmatch(key.removeprefix(prefix + "/"))
        if match is not None:
            yield _Claim(key, int(match[1]), int(match[2]), match[3], int(match[4]))


def _is_over(claim: _Claim, now: int) -> bool:
    is_too_long = claim.until - claim.since > LONGEST * 1000
    return claim.until <= now or is_too_long or has_ended(claim.machine, claim.process)


def _claim_key(name: str, since: int, now: int, seconds: float) -> str:
    until = min(now + int(seconds * 1000), since + int(LONGEST * 1000))
    claim = f"{since:013d}-{until:013d}-{machine()}-{os.getpid()}-{secrets.token_hex(4)}.json"
    return f"{lease_prefix(name)}/{claim}"


def has_ended(where: str, process: int) -> bool:
    """Whether a process is known to have ended; one of another machine never is.

    Args:
        where: its machine, as `store.machine.machine` names it.
        process: its number there.
    """
    if where != machine() or os.name != "posix":  # elsewhere signal 0 is not a mere look
        return False
    return not runs(process)


def _now() -> int:
    return int(time.time() * 1000)
