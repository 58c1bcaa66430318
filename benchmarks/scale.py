"""A large project through the Prefect flow: seconds, memory, task runs, and whether the server still takes triggers.

    python -m benchmarks.scale [--sessions 10000] [--chunks 10] [--database sqlite|postgresql] [--folder DIR]

`rlm-context compile`, in a process of its own and with the backend `extractive`, uploads and compiles invented sessions
of so many chunks each, on a Prefect server that this starts. Meanwhile other projects' compiles are asked for every few
seconds, as a hook's worker asks: `taken` at once, or `put off`, which the worker does again later; `taken then` says
how many seconds after the compile the server took all of those. Memory is the most that the compile's process held.
With --folder everything stays there, and the same command goes on where it was interrupted.
"""

import argparse
import json
import os
import resource
import statistics
import subprocess
import sys
import tempfile
import time
from contextlib import ExitStack, suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from rlm_context.hooks.trigger.prefect import PrefectServer
from rlm_context.hooks.trigger.remote import AwayError
from rlm_context.hooks.trigger.rest import PrefectRest
from tests.chaos.api import deploy, task_runs
from tests.chaos.place import running
from tests.synthetic import write_session

PROJECT = "acme/shop"
_CHUNK_TOKENS = 500
_TURNS_A_CHUNK = 7
_PER_DAY = 20
_START = datetime(2024, 1, 1, 9, tzinfo=UTC)
_EVERY_SECONDS = 3.0
_PATIENCE = 300.0


@dataclass
class Triggers:
    """Compiles of other projects that are asked for: seconds of those taken at once, and those put off."""

    server: PrefectServer
    taken: list[float] = field(default_factory=list)
    put_off: list[str] = field(default_factory=list)

    def ask(self, project: str) -> bool:
        """Ask for one; whether it was taken."""
        begun = time.perf_counter()
        try:
            self.server.ask(project, "none", None)
        except AwayError:
            return False
        self.taken.append(time.perf_counter() - begun)
        return True

    def ask_another(self) -> None:
        """Ask for a project that was not asked for before."""
        project = f"acme/other-{len(self.taken) + len(self.put_off)}"
        if not self.ask(project):
            self.put_off.append(project)

    def ask_again(self) -> float:
        """Ask for what was put off until all of it is taken; the seconds that takes."""
        begun, left = time.perf_counter(), list(self.put_off)
        while left and time.perf_counter() - begun < _PATIENCE:
            left = [project for project in left if not self.ask(project)]
            time.sleep(0.2)
        if left:
            sys.exit(f"{len(left)} triggers were never taken")
        return time.perf_counter() - begun


def main(options: argparse.Namespace) -> None:
    """Measure and print the table."""
    with ExitStack() as stack:
        kept = options.folder and options.folder.resolve()
        folder = kept or Path(stack.enter_context(tempfile.TemporaryDirectory(ignore_cleanup_errors=True)))
        folder.mkdir(exist_ok=True)
        team = write_project(folder / "team", options.sessions, options.chunks)
        place = stack.enter_context(running(folder, database=options.database))
        deploy(place.api)
        triggers = Triggers(PrefectServer(PrefectRest(place.api, {})))
        report = _compile(folder, team, place.api, triggers)
        # The compile is the largest process that this one has waited for.
        peak = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss / 1024
        then = triggers.ask_again()
        _print(report, peak, task_runs(place.api), triggers, then)


def write_project(folder: Path, sessions: int, chunks: int) -> Path:
    """Invented sessions of about so many chunks each; those that stand there already stay. The folder."""
    for number in range(sessions):
        session = f"{number:08x}-0000-4000-8000-{number:012x}"
        path = folder / ("ann", "ben", "cleo")[number % 3] / "projects" / "-src-shop" / f"{session}.jsonl"
        start = _START + timedelta(days=number // _PER_DAY, minutes=20 * (number % _PER_DAY))
        if not path.exists():
            write_session(path, session_id=session, start=start, turns=chunks * _TURNS_A_CHUNK, seed=number)
    return folder


def _compile(folder: Path, team: Path, api: str, triggers: Triggers) -> dict[str, Any]:
    """Run the command, and ask for other compiles meanwhile; its report on the project."""
    environment = {
        **{name: value for name, value in os.environ.items() if not name.startswith("RLM_CONTEXT_")},
        "HOME": str(folder),
        "PREFECT_API_URL": api,
        "PREFECT_HOME": str(folder / "prefect"),
        "RLM_CONTEXT_HOME": str(folder / "home"),
        "RLM_CONTEXT_CHUNK_TOKENS": str(_CHUNK_TOKENS),
    }
    command = [sys.executable, "-m", "rlm_context", "compile", "--json", "--project", PROJECT]
    command += ["--source", str(team)]
    with (folder / "compile.json").open("w+") as out, (folder / "compile.log").open("w") as log:
        compiling = subprocess.Popen(command, env=environment, stdout=out, stderr=log)
        while compiling.poll() is None:
            triggers.ask_another()
            with suppress(subprocess.TimeoutExpired):
                compiling.wait(_EVERY_SECONDS)
        if compiling.returncode:
            sys.exit(f"the compile failed: {log.name}")
        out.seek(0)
        report: dict[str, Any] = json.load(out)["projects"][0]
    return report


def _print(report: dict[str, Any], peak: float, tasks: int, triggers: Triggers, then: float) -> None:
    seconds = report["seconds"]
    print(f"sessions {report['sessions']['total']:,}, chunks {report['chunks']['total']:,}")
    print("seconds " + ", ".join(f"{step} {taken:,.1f}" for step, taken in seconds.items()))
    print(f"peak memory {peak:,.0f} MB, task runs {tasks:,}")
    at_once = len(triggers.taken) - len(triggers.put_off)
    median = statistics.median(triggers.taken) if triggers.taken else 0.0
    print(f"triggers taken at once {at_once}, put off {len(triggers.put_off)}, median {median * 1000:.0f} ms")
    print(f"all that was put off taken then after {then:.1f} s")


if __name__ == "__main__":
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--sessions", type=int, default=10_000)
    parser.add_argument("--chunks", type=int, default=10, help="of each session")
    parser.add_argument("--database", choices=("sqlite", "postgresql"), default="sqlite")
    parser.add_argument("--folder", type=Path)
    main(parser.parse_args())
