"""The history of runs: one JSON record in the store for each, wherever it ran.

A record is written before its run begins, again every minute while it is under way, and when it ends, always by the
run itself: no two write one key. So a run that was killed leaves one that says "running", and nobody closes that:
whoever reads it sees by its process, on the same machine, or by its age that the run crashed. One that is alive after
all, as after a machine slept, is seen as running again with its next sign of life.

What runs elsewhere is told the record's key (`recorded`), so that others find it: see `rlm_context.hooks.trigger.dead`.
"""

import asyncio
import logging
import os
import threading
import time
import uuid
from collections.abc import Awaitable, Callable, Iterable, Iterator
from itertools import islice

import msgspec

from compiler.report import ProjectReport
from compiler.runtime import Runtime
from data_models.decoding import decode_json
from data_models.errors import DamagedError, KeyMissingError, RlmContextError, StoreError
from store.codec import MALFORMED
from store.keys import run_key, run_started
from store.leases import has_ended
from store.machine import machine
from store.protocol import Store

logger = logging.getLogger(__name__)

RECORD_LABEL = "rlm-context.record"
"""The label of a Prefect flow run that holds its record's key."""

_BEAT = 60.0
SILENCE_MS = 5 * 60_000
"""Without a sign of life a run has crashed: five beats, so that clocks may differ by minutes."""


class RunRecord(msgspec.Struct, kw_only=True):
    """One run. Times are Unix milliseconds.

    `state` is "running", "completed", "failed", "cancelled" or "crashed"; `error` says what stopped it, "" where
    nothing did. `seen` is the last sign of life, `machine` and `process` are where that came from, and `seconds` how
    long the run had taken by then: by that machine's clock or its monotonic one, whichever says more, since the one may
    be set back and the other stands still while the machine sleeps.
    """

    id: str
    project: str
    trigger: str
    started: int
    ended: int = 0
    seen: int = 0
    seconds: float = 0.0
    state: str = "running"
    error: str = ""
    machine: str = ""
    process: int = 0
    report: ProjectReport | None = None


async def recorded(
    runtime: Runtime,
    project: str,
    trigger: str,
    run: Callable[[], Awaitable[ProjectReport]],
    announce: Callable[[str], Awaitable[None]] | None = None,
) -> ProjectReport:
    """Run a compile and leave its record in the store, also when it fails or is killed.

    Args:
        runtime: the process's runtime.
        project: the project.
        trigger: what started it, e.g. "command line".
        run: the compile, to its very end: its record says until then that it lives.
        announce: is told the record's key once the record stands, before the compile begins.

    Raises:
        StoreError: the record cannot be written; then nothing is run.
    """
    kept = _Kept(runtime, project, trigger)
    try:
        await asyncio.to_thread(kept.begin)
        if announce is not None:
            await announce(kept.key)
        report = await run()
        kept.end("completed", report=report)
        return report
    except BaseException as error:
        kept.end(
            "failed" if isinstance(error, Exception) else "cancelled",
            error=error.message if isinstance(error, RlmContextError) else type(error).__name__,
        )
        raise


class _Kept:
    """The record of a run that is under way, kept in the store by a thread: no step can hold that up."""

    def __init__(self, runtime: Runtime, project: str, trigger: str) -> None:
        self._store, now = runtime.store, _now()
        self._clock = time.monotonic()
        self._record = RunRecord(
            id=f"{now:013d}-{uuid.uuid4().hex[:8]}",
            project=project,
            trigger=trigger,
            started=now,
            machine=machine(),
            process=os.getpid(),
        )
        self.key = run_key(project, self._record.id)
        self._over = threading.Event()
        self._lock = threading.Lock()  # else a sign of life could come after the end

    def begin(self) -> None:
        """Write the record, and keep it from then on."""
        if self._say_it_lives():
            threading.Thread(target=self._live, name="record of a run", daemon=True).start()

    def end(self, state: str, *, error: str = "", report: ProjectReport | None = None) -> None:
        """Say how it ended; again changes nothing."""
        if self._over.is_set():
            return
        self._over.set()
        with self._lock:
            self._record.state, self._record.error, self._record.report = state, error, report
            self._record.ended = _now()
            try:
                self._put()
            except StoreError:
                # The run's own error, if any, says more than that its record could not be written.
                if state == "completed":
                    raise

    def _live(self) -> None:
        while not self._over.wait(_BEAT):
            try:
                self._say_it_lives()
            except StoreError as error:  # the run says so itself, where it needs the store
                logger.warning("the record of this run was not written: %s", error)

    def _say_it_lives(self) -> bool:
        """Write the record unless the run has ended; whether it has not."""
        with self._lock:
            if not self._over.is_set():
                self._put()
            return not self._over.is_set()

    def _put(self) -> None:
        record = self._record
        record.seen = _now()
        record.seconds = max(time.monotonic() - self._clock, (record.seen - record.started) / 1000)
        self._store.put(self.key, msgspec.json.encode(record))


def read_record(store: Store, key: str) -> RunRecord | None:
    """A run's record as the run left it; None where there is none, or none that can be read.

    Raises:
        StoreError: the store failed.
    """
    if run_started(key) is None:
        return None
    try:
        return decode_json(store.get(key), RunRecord)
    except (*MALFORMED, DamagedError, KeyMissingError):
        return None


def read_runs(runtime: Runtime, project: str, limit: int) -> list[RunRecord]:
    """The newest runs of a project, newest first, as they are seen now; records that cannot be read are left out."""
    prefix = run_key(project, "x").rpartition("/")[0]
    return list(islice(_readable(runtime, sorted(runtime.store.keys(prefix), reverse=True)), limit))


def _readable(runtime: Runtime, keys: Iterable[str]) -> Iterator[RunRecord]:
    for key in keys:
        try:
            yield _as_seen(decode_json(runtime.store.get(key), RunRecord))
        except (*MALFORMED, StoreError):
            continue


def _as_seen(record: RunRecord) -> RunRecord:
    """The record as of now, with a run that said nothing more as one that crashed, when it was last seen."""
    if record.state != "running":
        return record
    now = _now()
    if not has_ended(record.machine, record.process) and now - record.seen <= SILENCE_MS:
        return msgspec.structs.replace(record, seconds=max(record.seconds, (now - record.started) / 1000))
    error = "its process ended, or its machine did"
    return msgspec.structs.replace(record, state="crashed", ended=record.seen, error=error)


def _now() -> int:
    return int(time.time() * 1000)
