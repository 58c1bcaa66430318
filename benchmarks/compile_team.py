"""The whole compile of a folder of sessions, step by step, beside a bare parse of the same bytes.

    python -m benchmarks.compile_team DIR [RUNS]

`bare` decodes every line with msgspec into plain Python values and keeps nothing. Redaction is on; Prefect is not
used. CPU seconds are the process's own (both threads), so they can exceed the wall time.
"""

import asyncio
import os
import resource
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path
from time import perf_counter, process_time

import msgspec

from compiler.ingest import ingest
from compiler.pipeline import compile_project
from compiler.runtime import Runtime, open_runtime
from compiler.steps import DirectSteps
from compiler.uploading.upload import upload
from store.receipts import receipt_keys
from transcripts.sources import find_sessions


def main(source: Path, runs: int) -> None:
    """Print wall and CPU seconds, MB/s and ratios to the bare parse, the median run of each."""
    paths = [session.main for session in find_sessions(source).sessions]
    size = sum(path.stat().st_size for path in paths)
    print(f"{len(paths)} sessions, {size / 1e6:.1f} MB, {runs} runs, median wall time")
    print("step                 wall s   cpu s    MB/s  ratio")
    bare = _row("bare parse", size, runs, lambda: _parse(paths), 0.0)
    with tempfile.TemporaryDirectory() as folder:
        homes = iter(range(10_000))

        def fresh() -> Runtime:
            os.environ["RLM_CONTEXT_HOME"] = f"{folder}/{next(homes)}"
            return open_runtime()

        _row("upload + ingest", size, runs, lambda: _upload_and_ingest(fresh(), source), bare)
        peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
        print(f"peak memory until here: {peak:.0f} MB")
        _row("whole compile", size, runs, lambda: _compile(fresh(), source), bare)
        runtime = open_runtime()
        _row("the same again", size, runs, lambda: _compile(runtime, source), bare)


def _row(name: str, size: int, runs: int, work: Callable[[], None], bare: float) -> float:
    timed = []
    for _ in range(runs):
        wall, cpu = perf_counter(), process_time()
        work()
        timed.append((perf_counter() - wall, process_time() - cpu))
    wall, cpu = sorted(timed)[len(timed) // 2]
    ratio = f"{wall / bare:6.1f}" if bare else "     1"
    print(f"{name:<18} {wall:>8.2f} {cpu:>7.2f} {size / 1e6 / wall:>7.0f} {ratio}")
    return wall


def _parse(paths: list[Path]) -> None:
    decode = msgspec.json.Decoder().decode
    for path in paths:
        for line in path.read_bytes().split(b"\n"):
            try:
                decode(line)
            except msgspec.DecodeError:
                continue


def _upload_and_ingest(runtime: Runtime, source: Path) -> None:
    upload(runtime, [source], project="team")
    ingest(runtime, receipt_keys(runtime.store, "team"))


def _compile(runtime: Runtime, source: Path) -> None:
    upload(runtime, [source], project="team")
    asyncio.run(compile_project(runtime, "team", DirectSteps(runtime)))


if __name__ == "__main__":
    main(Path(sys.argv[1]), int(sys.argv[2]) if len(sys.argv) > 2 else 3)
