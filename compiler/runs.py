"""The history of runs: one JSON record in the store for each, wherever it ran."""

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


class RunRecord(msgspec.Struct, kw_only=True):
    """One run. Times are Unix milliseconds; `error` says what stopped it, "" where nothing did."""

    id: str
    project: str
    trigger: str
    started: int
    ended: int = 0
    state: str = "running"
    error: str = ""
    report: ProjectReport | None = None


async def recorded(
    runtime: Runtime, project: str, trigger: str, run: Callable[[], Awaitable[ProjectReport]]
) -> ProjectReport:
    """Run a compile and leave its record in the store, also when it fails.

    Args:
        runtime: the process's runtime.
        project: the project.
        trigger: what started it, e.g. "command line".
        run: the compile.
    """
    record = RunRecord(
        id=f"{_now():013d}-{uuid.uuid4().hex[:8]}", project=project, trigger=trigger, started=_now()
    )
    try:
        record.report = await run()
        record.state = "completed"
        return record.report
    except BaseException as error:
        record.state = "failed" if isinstance(error, Exception) else "cancelled"
        record.error = error.message if isinstance(error, RlmContextError) else type(error).__name__
        raise
    finally:
        record.ended = _now()
        _keep(runtime, record)


def read_runs(runtime: Runtime, project: str, limit: int) -> list[RunRecord]:
    """The newest runs of a project, newest first; records that cannot be read are left out."""
    prefix = run_key(project, "x").rpartition("/")[0]
    return list(islice(_readable(runtime, sorted(runtime.store.keys(prefix), reverse=True)), limit))


def _readable(runtime: Runtime, keys: Iterable[str]) -> Iterator[RunRecord]:
    for key in keys:
        try:
            yield decode_json(runtime.store.get(key), RunRecord)
        except (*MALFORMED, StoreError):
            continue


def _keep(runtime: Runtime, record: RunRecord) -> None:
    try:
        runtime.store.put(run_key(record.project, record.id), msgspec.json.encode(record))
    except StoreError:
        # The run's own error, if any, says more than that its record could not be written.
        if record.state == "completed":
            raise


def _now() -> int:
    return int(time.time() * 1000)
