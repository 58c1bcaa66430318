"""`store gc`: removes what no kept generation, no upload and no paid result needs.

A store has no times of writing that could be trusted, and others may write this moment what nothing names yet. So
garbage is found twice: what a run finds is noted with the time, and removed by a run at least a day later that finds
it again.
"""

import time
from collections.abc import Callable, Iterable, Iterator, Sequence, Set
from contextlib import contextmanager

import msgspec

from compiler.buckets import plan_tree
from compiler.runtime import Runtime
from compiler.turn import compile_lease
from compiler.work import NODE, SEGMENT, SUMMARIES
from data_models.decoding import decode_json
from data_models.errors import KeyMissingError, StoreError
from data_models.records import Manifest
from store.codec import MALFORMED, encode
from store.generations import Generation, history, read_catalog
from store.keys import memo_key, parse_blob_key, parse_manifest_key, parse_memo_key
from store.leases import Lease, acquire
from store.notes import left_behind
from store.receipts import projects, read_receipt, receipt_keys

KEEP = 10
"""Generations of each project that stay, the newest ones."""
GRACE_SECONDS = 24 * 3600.0
_LEASE_SECONDS = 900.0
NOTE = "notes/garbage.json"

MADE_AGAIN = frozenset({NODE, SUMMARIES, SEGMENT})
"""Memo stages whose values follow from what is kept; answers of models stay, and what an upload reads as."""


class _Note(msgspec.Struct, frozen=True):
    """What an earlier run found, with the Unix milliseconds of when it was first found."""

    since: dict[str, int]


class Collected(msgspec.Struct, kw_only=True):
    """What `collect` did: objects and bytes removed, and what is noted for a later run."""

    removed: int = 0
    bytes: int = 0
    noted: int = 0
    kept_generations: int = 0


def collect(
    runtime: Runtime,
    *,
    keep: int = KEEP,
    grace: float = GRACE_SECONDS,
    dry_run: bool = False,
    progress: Callable[[str], None] = lambda text: None,
) -> Collected:
    """Remove garbage that was garbage a while ago too.

    Args:
        runtime: the process's runtime.
        keep: generations of each project to keep, at least one.
        grace: seconds between finding and removing.
        dry_run: only say what would be removed and noted.
        progress: told what is looked at.

    Raises:
        StoreError: the store cannot be read, or a compile is running; then nothing was removed. Where what is
            kept is damaged (`store verify` names it), it may hide what is needed, so nothing is removed either.
    """
    names = projects(runtime.store)
    with no_compiles(runtime, names) as held:
        done = Collected()
        needed: set[str] = set()
        for project in renewing(held, names):
            progress(project)
            needed |= _needed(runtime, project, keep, done)
        ripe, noted = _found(runtime, needed, grace)
        for key in renewing(held, ripe):
            done.bytes += runtime.store.size(key) or 0
            if not dry_run:
                runtime.store.delete(key)
        if not dry_run:
            runtime.store.put(NOTE, encode(_Note(noted)))
    done.removed, done.noted = len(ripe), len(noted)
    return done


@contextmanager
def no_compiles(
    runtime: Runtime, names: Iterable[str], again: str = "rlm-context store gc"
) -> Iterator[list[Lease]]:
    """Hold compiles back: one that finds a blob there does not write it again, and must not lose it after that.

    Raises:
        StoreError: one is running; `again` is then the command to run later.
    """
    held: list[Lease] = []
    try:
        for name in names:
            lease = acquire(runtime.store, compile_lease(name), _LEASE_SECONDS)
            if lease is None:
                raise StoreError(
                    f"{name} is being compiled, so nothing is removed now",
                    next_command=again,
                )
            held.append(lease)
        yield held
    finally:
        for lease in held:
            lease.release()


def renewing(held: Sequence[Lease], items: Iterable[str]) -> Iterator[str]:
    """The items; while they are dealt with, the leases do not run out."""
    renewed = time.monotonic()
    for item in items:
        if time.monotonic() - renewed > _LEASE_SECONDS / 3:
            for lease in held:
                lease.renew(_LEASE_SECONDS)
            renewed = time.monotonic()
        yield item


def _found(runtime: Runtime, needed: Set[str], grace: float) -> tuple[list[str], dict[str, int]]:
    """Garbage that was found so many seconds ago too, and the rest with when it was first found."""
    now, known = int(time.time() * 1000), _read_note(runtime)
    garbage = {key: known.get(key, now) for key in _candidates(runtime) if key not in needed}
    ripe = [key for key, since in garbage.items() if now - since >= grace * 1000]
    for key in ripe:
        del garbage[key]
    return ripe, garbage


def _needed(runtime: Runtime, project: str, keep: int, done: Collected) -> set[str]:
    """Every key that this project's uploads and its newest generations name."""
    readable, unreadable = history(runtime.store, project)
    receipts = [read_receipt(runtime.store, key) for key in receipt_keys(runtime.store, project)]
    if unreadable and receipts and not readable:
        raise StoreError(
            f"no generation of {project} can be read, so nothing is removed",
            next_command="rlm-context store verify",
        )
    kept = _kept(readable, keep)
    done.kept_generations += len(kept)
    needed = set(unreadable)  # looked at by people, not removed
    needed |= {receipt.slim.key for receipt in receipts}
    for generation in kept:
        needed |= {generation.key, *named_by(runtime, generation.manifest)}
    return needed


def _kept(generations: Iterable[Generation], keep: int) -> list[Generation]:
    """The newest ones by number; siblings count as one."""
    numbers: list[int] = []
    kept = []
    for generation in generations:
        if generation.manifest.number not in numbers:
            numbers.append(generation.manifest.number)
        if len(numbers) <= max(keep, 1):
            kept.append(generation)
    return kept


def named_by(runtime: Runtime, manifest: Manifest) -> Iterator[str]:
    """What one generation rests on: texts, parts, segments, each session's files, and its tree's memo."""
    yield from (ref.key for ref in (*manifest.texts.values(), *manifest.parts))
    yield from (segment.blob.key for segment in manifest.segments)
    entries = read_catalog(runtime.store, [manifest]).values()
    for entry in entries:
        yield entry.slim.key
        yield entry.parquet.key
        yield from (memo_key(*name.split("/", 1)) for name in entry.memo)
    specs, _ = plan_tree(manifest.versions.get("tree", ""), entries)
    yield from (memo_key(NODE, node) for node in specs)


def _candidates(runtime: Runtime) -> Iterator[str]:
    """What may be garbage at all: blobs, manifests, memo that can be made again, and notes that nobody takes back."""
    yield from (key for key in runtime.store.keys("blobs") if parse_blob_key(key))
    yield from (key for key in runtime.store.keys("gen") if parse_manifest_key(key))
    for key in runtime.store.keys("memo"):
        memo = parse_memo_key(key)
        if memo and memo[0] in MADE_AGAIN:
            yield key
    yield from left_behind(runtime.store, int(time.time() * 1000))


def _read_note(runtime: Runtime) -> dict[str, int]:
    try:
        return decode_json(runtime.store.get(NOTE), _Note).since
    except (KeyMissingError, *MALFORMED):
        return {}
