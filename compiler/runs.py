"""The history of runs: one JSON record in the store for each, wherever it ran.

A record is written when its run begins, again every minute while it is under way, and when it ends, always by the run
itself: no two write one key. So a run that was killed leaves one that says "running", and nobody closes that: whoever
reads it sees by its process, on the same machine, or by its age that the run crashed. One that is alive after all, as
after a machine slept, is seen as running again with its next sign of life.
"""

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
from data_models.errors import RlmContextError, StoreError
from store.codec import MALFORMED
from store.keys import run_key
from store.leases import has_ended
from store.machine import machine

logger = logging.getLogger(__name__)

_BEAT = 60.0
SILENCE_MS = 5 * 60_000
"""Without a sign of life a run has crashed: five beats, so that clocks may differ by minutes."""


class RunRecord(msgspec.Struct, kw_only=True):
    """One run. Times are Unix milliseconds.

    `state` is "running", "completed", "failed", "cancelled" or "crashed"; `error` says what stopped it, "" where
    nothing did. `seen` is the last sign of life, `machine` and `process` are where that came from.
    """

    id: str
    project: str
    trigger: str
    started: int
    ended: int = 0
    seen: int = 0
    state: str = "running"
    error: str = ""
    machine: str = ""
    process: int = 0
    report: ProjectReport | None = None


async def recorded(
    runtime: Runtime, project: str, trigger: str, run: Callable[[], Awaitable[ProjectReport]]
) -> ProjectReport:
    """Run a compile and leave its record in the store, also when it fails or is killed.

    Args:
        runtime: the process's runtime.
        project: the project.
        trigger: what started it, e.g. "command line".
        run: the compile.
    """
    kept = _Kept(runtime, project, trigger)
    try:
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
        self._record = RunRecord(
            id=f"{now:013d}-{uuid.uuid4().hex[:8]}",
            project=project,
            trigger=trigger,
            started=now,
            machine=machine(),
            process=os.getpid(),
        )
        self._over = threading.Event()
        self._lock = threading.Lock()  # else a sign of life could come after the end
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
        while True:
            with self._lock:
                if self._over.is_set():
                    return
                try:
                    self._put()
                except StoreError as error:  # the run says so itself, where it needs the store
                    logger.warning("the record of this run was not written: %s", error)
            if self._over.wait(_BEAT):
                return

    def _put(self) -> None:
        self._record.seen = _now()
        self._store.put(run_key(self._record.project, self._record.id), msgspec.json.encode(self._record))


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
    """The record, with a run that said nothing more as one that crashed, when it was last seen."""
    if record.state != "running":
        return record
    if not has_ended(record.machine, record.process) and _now() - record.seen <= SILENCE_MS:
        return record
    error = "its process ended, or its machine did"
    return msgspec.structs.replace(record, state="crashed", ended=record.seen, error=error)


def _now() -> int:
    return int(time.time() * 1000)
