"""What one new session costs at any history: tree calls, and bytes written and read.

    python -m benchmarks.one_more_session [--models] [N ...]    default: 100 1000 10000 (about five minutes)

Invented sessions of three turns, twenty a day, compiled without Prefect, by the extractive backend or, with
`--models`, by a model of this process that answers at once (`tests/compiler/models/server_model.py`); then one more
is uploaded and compiled, and then nothing. `nodes` are the tree nodes made for it (limit: 6), `tree` the calls that
they took (a node over a single statement list takes none), `root` those of the root pass; `none` are all calls where
nothing was new; `written` and `read` bytes of store objects.
"""

import argparse
import asyncio
import os
import resource
import tempfile
from collections import Counter
from datetime import UTC, datetime
from pathlib import Path
from time import perf_counter
from unittest.mock import patch

from compiler.pipeline import compile_project
from compiler.report import ProjectReport
from compiler.runtime import Runtime, open_runtime
from compiler.steps import DirectSteps
from compiler.uploading.upload import upload
from tests.compiler.models.server_model import MAP, ROOT, SUB, TREE, FittingClient
from tests.synthetic import write_session, write_team

_NEW = "ffffffff-0000-4000-8000-00000000000f"


def main(sizes: list[int]) -> None:
    """Print one row for each number of sessions."""
    print("sessions  first s chunks  map nodes tree root none   written      read  seconds  MB peak")
    with patch("compiler.models.clients.open_client", FittingClient):
        for size in sizes:
            with tempfile.TemporaryDirectory() as folder:
                _measure(Path(folder), size)


def _measure(folder: Path, size: int) -> None:
    os.environ["RLM_CONTEXT_HOME"] = str(folder / "home")
    team = write_team(folder / "team", size)
    begun = perf_counter()
    _compile(open_runtime(), team)
    first = perf_counter() - begun
    day = datetime(2026, 1, 8, 12, tzinfo=UTC)  # into a day that has its sessions
    path = team / "ann" / "projects" / "-src-shop" / f"{_NEW}.jsonl"
    write_session(path, session_id=_NEW, start=day, turns=3, seed=10**9)
    runtime = open_runtime()
    begun = perf_counter()
    report, asked = _compile(runtime, team)
    seconds = perf_counter() - begun
    _, again = _compile(open_runtime(), team)
    nodes = report.nodes.digest.new + report.nodes.rollup.new
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    print(
        f"{size:>8} {first:>8.1f} {report.chunks.new:>6} {asked[MAP]:>4} {nodes:>5} {asked[TREE]:>4} "
        f"{asked[ROOT] + asked[SUB]:>4} {again.total():>4} {runtime.store.written:>9,} "
        f"{runtime.store.read:>9,} {seconds:>8.2f} {peak:>8.0f}"
    )


def _compile(runtime: Runtime, team: Path) -> tuple[ProjectReport, Counter[str]]:
    """Upload and compile; the calls by model."""
    FittingClient.asked.clear()
    upload(runtime, [team], project="shop")
    report = asyncio.run(compile_project(runtime, "shop", DirectSteps(runtime)))
    runtime.spool.acknowledge(runtime.store)
    return report, Counter(FittingClient.asked)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--models", action="store_true")
    parser.add_argument("sizes", type=int, nargs="*", default=[100, 1_000, 10_000])
    options = parser.parse_args()
    if options.models:
        os.environ["RLM_CONTEXT_BACKEND"] = "model"
        for part, model in (("MAP", MAP), ("TREE", TREE), ("ROOT", ROOT), ("SUB", SUB)):
            os.environ[f"RLM_CONTEXT_MODELS__{part}"] = f"anthropic:{model}"
    main(options.sizes)
