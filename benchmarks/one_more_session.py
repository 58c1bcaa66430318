"""What one new session costs at any history: tree calls, and bytes written and read.

    python -m benchmarks.one_more_session [N ...]        default: 100 1000 10000 (about five minutes)

Invented sessions of three turns, twenty a day, compiled by the extractive backend without Prefect; then one more
is uploaded and compiled. `calls` are the summarising calls that a model backend would be asked for besides the
session's chunks (limit: 6), `written` and `read` bytes of store objects.
"""

import asyncio
import os
import resource
import sys
import tempfile
from datetime import UTC, datetime
from pathlib import Path
from time import perf_counter

from compiler.pipeline import DirectSteps, compile_project
from compiler.report import ProjectReport
from compiler.runtime import Runtime, open_runtime
from compiler.upload import upload
from tests.synthetic import write_session, write_team

_NEW = "ffffffff-0000-4000-8000-00000000000f"


def main(sizes: list[int]) -> None:
    """Print one row for each number of sessions."""
    print("sessions  first s chunks  calls   written      read  seconds  MB peak")
    for size in sizes:
        with tempfile.TemporaryDirectory() as folder:
            _measure(Path(folder), size)


def _measure(folder: Path, size: int) -> None:
    os.environ["RLM_CONTEXT_HOME"] = str(folder / "home")
    team = write_team(folder / "team", size)
    runtime = open_runtime()
    begun = perf_counter()
    _compile(runtime, team)
    first = perf_counter() - begun
    day = datetime(2026, 1, 8, 12, tzinfo=UTC)  # into a day that has its sessions
    path = team / "ann" / "projects" / "-src-shop" / f"{_NEW}.jsonl"
    write_session(path, session_id=_NEW, start=day, turns=3, seed=-1)
    runtime = open_runtime()
    begun = perf_counter()
    report = _compile(runtime, team)
    seconds = perf_counter() - begun
    calls = report.nodes.digest.new + report.nodes.rollup.new
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    print(
        f"{size:>8} {first:>8.1f} {report.chunks.new:>6} {calls:>6} {runtime.store.written:>9,} "
        f"{runtime.store.read:>9,} {seconds:>8.2f} {peak:>8.0f}"
    )


def _compile(runtime: Runtime, team: Path) -> ProjectReport:
    upload(runtime, [team], project="shop")
    report = asyncio.run(compile_project(runtime, "shop", DirectSteps(runtime)))
    runtime.spool.acknowledge(runtime.store)
    return report


if __name__ == "__main__":
    main([int(argument) for argument in sys.argv[1:]] or [100, 1_000, 10_000])
