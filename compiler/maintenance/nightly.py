"""The nightly's own steps: sweep what waits on this machine, forget old runs' records, and sum up the night.

What else a night does are steps of their own: the compiles, `compiler.maintenance.verify` and `.garbage`.
"""

import time
from contextlib import suppress

import msgspec

from compiler.forgetting.purge import Purged
from compiler.maintenance.garbage import Collected
from compiler.maintenance.redacting_again import RedactedAgain
from compiler.maintenance.verify import Verified
from compiler.models.batches.submit import Submitted
from compiler.plan import plan
from compiler.report import ProjectReport
from compiler.runtime import Runtime
from compiler.uploading.latest import own_sessions
from compiler.uploading.sharing import local_store_url
from compiler.uploading.upload import upload_sessions
from data_models.errors import DamagedError, FormatTooNewError, KeyMissingError, StoreError
from data_models.records import Usage
from store.batches import projects_with_batches
from store.codec import MALFORMED, encode
from store.keys import run_started
from store.receipts import projects
from store.registry import open_store

NOTE = "notes/nightly.json"
"""What the last night left in the store for the next one and for `status`; a hint, which may be missing or stale."""

KEEP_RUNS = 50
KEEP_DAYS = 90.0


class Swept(msgspec.Struct, frozen=True, kw_only=True):
    """What a sweep did.

    Sessions uploaded, sessions that stay on this machine, files that could not be read, and uploads of the spool that
    stand in their stores now.
    """

    uploaded: int = 0
    kept: int = 0
    skipped: int = 0
    flushed: int = 0


class Stored(msgspec.Struct, frozen=True, kw_only=True):
    """How large a store is."""

    objects: int = 0
    bytes: int = 0


class Nightly(msgspec.Struct, kw_only=True):
    """What a night did. Times are Unix milliseconds.

    `redacted` is what new redaction rules found in what was stored, `purged` what held forgotten words and went.
    `submitted` is what was handed to providers as batches, for a later compile to collect.
    `failed` says what stopped which part, by its name or its project's; the other parts were done all the same.
    `before` is how large the store was after the night before, None where that is not known.
    """

    started: int
    ended: int = 0
    swept: Swept = msgspec.field(default_factory=Swept)
    redacted: RedactedAgain | None = None
    projects: list[ProjectReport] = []
    submitted: list[Submitted] = []
    purged: Purged | None = None
    verified: Verified | None = None
    collected: Collected | None = None
    runs_removed: int = 0
    before: Stored | None = None
    failed: dict[str, str] = {}

    @property
    def usage(self) -> Usage:
        """What the compiles of this night cost together."""
        return sum((report.llm for report in self.projects), Usage())

    @property
    def stored(self) -> Stored | None:
        """How large the store was at the end; None where it could not be read."""
        if self.verified is None:
            return None
        removed = self.collected or Collected()
        return Stored(
            objects=self.verified.objects - removed.removed - self.runs_removed,
            bytes=self.verified.bytes - removed.bytes,
        )


class Note(msgspec.Struct, frozen=True, kw_only=True):
    """What is remembered of the last night: when it ended (Unix milliseconds), and how it found the store."""

    ended: int
    stored: Stored | None = None
    faults: int = 0
    failed: tuple[str, ...] = ()


def now_ms() -> int:
    """Unix milliseconds."""
    return int(time.time() * 1000)


def sweep(runtime: Runtime) -> Swept:
    """Upload what hooks missed of this machine's sessions, and what waits in its spool.

    On a worker that serves a team there may be neither, and then nothing is done.

    Raises:
        StoreError: a store failed; what was not sent waits in the spool.
    """
    # In the default store `session` shows the same as a readable copy; elsewhere people look with other tools.
    is_default = runtime.store.url == local_store_url(runtime.home)
    result = upload_sessions(runtime, own_sessions(), readable_copies=not is_default)
    flushed = 0
    for url in sorted({job.store_url for job in runtime.spool.pending()}):
        store = runtime.store if url == runtime.store.url else open_store(url)
        flushed += len(runtime.spool.flush(store))
    return Swept(
        uploaded=len(result.new), kept=len(result.kept), skipped=len(result.skipped), flushed=flushed
    )


def waiting(runtime: Runtime) -> list[str]:
    """The projects that hold something no generation has yet, or that other prompts, models or rules made; those with
    a batch that is not collected; and those whose state is damaged, which their own compile says.

    Raises:
        StoreError: the store cannot be read.
    """
    batched = projects_with_batches(runtime.store)
    return [name for name in projects(runtime.store) if name in batched or _has_work(runtime, name)]


def _has_work(runtime: Runtime, project: str) -> bool:
    try:
        return plan(runtime, project).has_work
    except (DamagedError, KeyMissingError, FormatTooNewError):  # the others are compiled all the same
        return True


def forget_runs(runtime: Runtime, *, keep: int = KEEP_RUNS, days: float = KEEP_DAYS) -> int:
    """Remove records of runs that are older than `days`, except the `keep` newest of each project; how many.

    Raises:
        StoreError: the store failed.
    """
    oldest = now_ms() - days * 86_400_000
    by_project: dict[str, list[tuple[int, str]]] = {}
    for key in runtime.store.keys("runs"):
        if (started := run_started(key)) is not None:
            by_project.setdefault(key.rpartition("/")[0], []).append((started, key))
    old = [
        key
        for runs in by_project.values()
        for started, key in sorted(runs, reverse=True)[keep:]
        if started < oldest
    ]
    for key in old:
        runtime.store.delete(key)
    return len(old)


def finish(runtime: Runtime, night: Nightly) -> Nightly:
    """Compare the store with the night before, leave a note for the next, and let go of what generations hold.

    Raises:
        StoreError: the store failed.
    """
    runtime.spool.acknowledge(runtime.store)
    before = last_night(runtime)
    night.before = before.stored if before else None
    night.ended = now_ms()
    note = Note(
        ended=night.ended,
        stored=night.stored or night.before,
        faults=len(night.verified.faults) if night.verified else 0,
        failed=tuple(sorted(night.failed)),
    )
    runtime.store.put(NOTE, encode(note))
    return night


def done_by_hand(runtime: Runtime, part: str, faults: int | None = None) -> None:
    """Take a part that failed in the last night out of what is remembered of it: somebody has done it since.

    Args:
        runtime: the process's runtime.
        part: its name.
        faults: how many damaged or missing objects the store has now, None where that was not looked at.
    """
    note = last_night(runtime)
    if note is None:
        return
    now = msgspec.structs.replace(
        note,
        failed=tuple(name for name in note.failed if name != part),
        faults=note.faults if faults is None else faults,
    )
    if now != note:
        with suppress(StoreError):  # a hint, in a store that may not be ours to write
            runtime.store.put(NOTE, encode(now))


def last_night(runtime: Runtime) -> Note | None:
    """What is remembered of the last night; None where there was none, or its note cannot be read."""
    try:
        return msgspec.json.decode(runtime.store.get(NOTE), type=Note)
    except (StoreError, *MALFORMED):
        return None
