"""Where no nightly comes, as on a laptop that sleeps at night: a bounded share of its maintenance, done by a compile.

A share forgets old runs, reads back a slice of the store, and, in a folder on this machine, looks for garbage. It is
noted in the store before it begins, so that the next compile does not repeat it; the slice after it is the next
share's. A night that comes after all does everything.
"""

import time
from collections.abc import Iterator
from itertools import islice

import msgspec

from compiler.maintenance.garbage import collect
from compiler.maintenance.nightly import forget_runs, last_night, now_ms
from compiler.maintenance.objects import fault
from compiler.runtime import Runtime
from compiler.turn import compile_lease
from data_models.errors import KeyMissingError, RlmContextError, StoreError
from store.codec import MALFORMED, encode
from store.keys import run_key
from store.leases import holder
from store.protocol import Store
from store.receipts import projects

NOTE = "notes/maintenance.json"
"""What the last share did; a hint, which may be missing or stale."""

DAY_MS = 24 * 3_600_000
LATE_MS = 2 * DAY_MS
"""Since the end of a night: by then the next one should have ended a day ago."""
SECONDS = 10.0
"""For one share; the clock is looked at between two objects."""
_MOST_DAMAGED = 20
_MOST_RUNS = 2_000
"""Records of runs that are listed and removed in well under a second each; more are left to a night."""
_FOLDERS = (*(f"blobs/sha256/{number:02x}" for number in range(256)), "gen", "inbox", "memo")
"""What is read back, in the order of keys, in parts that can be listed in a moment."""


class Share(msgspec.Struct, kw_only=True):
    """What a share did. Times are Unix milliseconds.

    `after` is the key that the next slice begins behind, "" for the start; `looked` counts objects that were read,
    `damaged` names those of this and of earlier shares that are not what their keys say; `failed` is what stopped it,
    "" for nothing.
    """

    begun: int
    ended: int = 0
    after: str = ""
    looked: int = 0
    damaged: list[str] = []
    runs_removed: int = 0
    garbage_removed: int = 0
    failed: str = ""


def is_overdue(runtime: Runtime, project: str) -> bool:
    """Whether no night has ended for two days, nor a compile begun a share of one for a day.

    Where there never was a night, the oldest run of the project that is on record is what counts.

    Raises:
        StoreError: the store failed.
    """
    now, night, share = now_ms(), last_night(runtime), read_share(runtime)
    if share is not None and now - share.begun < DAY_MS:
        return False
    since = night.ended if night else _first_run(runtime, project, now)
    return now - since > LATE_MS


def do_share(runtime: Runtime, seconds: float = SECONDS) -> Share:
    """Do a share of what a night does, and note it.

    Args:
        runtime: the process's runtime.
        seconds: after which nothing more is begun.

    Raises:
        StoreError: not even the note could be written.
    """
    deadline, before = time.monotonic() + seconds, read_share(runtime) or Share(begun=0)
    share = Share(begun=now_ms(), after=before.after, damaged=before.damaged)
    runtime.store.put(NOTE, encode(share))
    try:
        if _fewer(runtime.store.keys("runs"), _MOST_RUNS):
            share.runs_removed = forget_runs(runtime)
        _look_for_garbage(runtime, share, deadline)
        store = runtime.store.itself  # a copy on this machine would hide damage there
        share.damaged = [key for key in before.damaged[:_MOST_DAMAGED] if _is_damaged(store, key)]
        _read_back(store, share, deadline)
    except RlmContextError as error:
        share.failed = error.message
    share.ended = now_ms()
    runtime.store.put(NOTE, encode(share))
    return share


def read_share(runtime: Runtime) -> Share | None:
    """What the last share did; None where there was none, or its note cannot be read."""
    try:
        return msgspec.json.decode(runtime.store.get(NOTE), type=Share)
    except (StoreError, *MALFORMED):
        return None


def _read_back(store: Store, share: Share, deadline: float) -> None:
    """Read object after object where the last share ended; once around, the next begins anew."""
    for key in _keys_after(store, share.after):
        if time.monotonic() > deadline:
            return
        share.after = key
        share.looked += 1
        if _is_damaged(store, key) and key not in share.damaged and len(share.damaged) < _MOST_DAMAGED:
            share.damaged.append(key)
    share.after = ""


def _is_damaged(store: Store, key: str) -> bool:
    try:
        return bool(fault(key, store.get(key)))
    except KeyMissingError:  # removed since it was listed, or mended
        return False


def _keys_after(store: Store, after: str) -> Iterator[str]:
    for folder in _FOLDERS:
        if after.startswith(f"{folder}/") or f"{folder}/" > after:
            yield from (key for key in store.keys(folder) if key > after)


def _look_for_garbage(runtime: Runtime, share: Share, deadline: float) -> None:
    """Find and note garbage, and remove what was noted a day ago; where others compile, or time is up, another day.

    Elsewhere than on this machine that takes a request for each upload, which has no bound.
    """
    names = projects(runtime.store)
    if "://" in runtime.store.url or any(holder(runtime.store, compile_lease(name)) for name in names):
        return

    def look_at_the_clock(_project: str) -> None:
        if time.monotonic() > deadline:
            raise _TimeIsUpError("time is up")

    try:
        share.garbage_removed = collect(runtime, progress=look_at_the_clock).removed
    except _TimeIsUpError:
        return


class _TimeIsUpError(Exception):
    """Ends a search for garbage that has removed nothing yet."""


def _first_run(runtime: Runtime, project: str, now: int) -> int:
    """When the oldest run on record began, by its id; now where there is none."""
    folder = run_key(project, "x").rpartition("/")[0]
    first = next(iter(runtime.store.keys(folder)), "").removeprefix(f"{folder}/")[:13]
    return int(first) if first.isascii() and first.isdecimal() else now


def _fewer(keys: Iterator[str], most: int) -> bool:
    return next(islice(keys, most, None), None) is None
