"""What a compile costs that finds nothing new: seconds, task runs, and bytes in the store.

    python -m benchmarks.empty_run [--runs 20] [--sessions 200] [--database sqlite|postgresql]

One process compiles invented sessions on a Prefect server that this starts, and then the same project again and again.
`flow run` is such a compile in a process that has Prefect already, as a worker's would be; `command` a whole process of
`rlm-context compile`; `bare` a Python process that does nothing.
"""

import argparse
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

from compiler.report import ProjectReport
from compiler.runtime import open_runtime
from compiler.uploading.upload import upload
from flows.run import compile_projects
from tests.chaos.api import task_runs
from tests.chaos.place import running
from tests.synthetic import write_team

_PROJECT = "acme/shop"


def main(options: argparse.Namespace) -> None:
    """Measure and print."""
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as name:
        folder = Path(name)
        os.environ |= {"HOME": name, "RLM_CONTEXT_HOME": f"{name}/home", "PREFECT_HOME": f"{name}/prefect"}
        os.environ["PREFECT_LOGGING_HANDLERS_CONSOLE_LEVEL"] = (
            "CRITICAL"  # the figures, and no line for each run
        )
        with running(folder, database=options.database) as place:
            os.environ["PREFECT_API_URL"] = place.api
            runtime = open_runtime()
            upload(runtime, [write_team(folder / "team", options.sessions)], project=_PROJECT)
            _compile(runtime.home)
            tasks, bytes_before = task_runs(place.api), _bytes(folder / "home" / "store")
            flow = _seconds(options.runs, lambda: _compile(runtime.home))
            tasks = task_runs(place.api) - tasks
            written = _bytes(folder / "home" / "store") - bytes_before
            program = [sys.executable, "-m", "rlm_context", "compile", "--project", _PROJECT]
            command = _seconds(3, lambda: _run(program))
            bare = _seconds(3, lambda: _run([sys.executable, "-c", "pass"]))
    print(f"{options.database}, {options.sessions:,} sessions, medians")
    print(
        f"flow run {flow:.2f} s, task runs {tasks / options.runs:g}, bytes written {written / options.runs:,.0f}"
    )
    print(f"command {command:.2f} s, bare {bare:.3f} s")


def _compile(home: Path) -> None:
    [report] = compile_projects(home, [_PROJECT])
    if not isinstance(report, ProjectReport):
        raise report


def _run(command: list[str]) -> None:
    subprocess.run(command, check=True, capture_output=True)


def _seconds(runs: int, work: Callable[[], None]) -> float:
    taken = []
    for _ in range(runs):
        begun = time.perf_counter()
        work()
        taken.append(time.perf_counter() - begun)
    return statistics.median(taken)


def _bytes(folder: Path) -> int:
    return sum(path.stat().st_size for path in folder.rglob("*") if path.is_file())


if __name__ == "__main__":
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--runs", type=int, default=20)
    parser.add_argument("--sessions", type=int, default=200)
    parser.add_argument("--database", choices=("sqlite", "postgresql"), default="sqlite")
    main(parser.parse_args())
