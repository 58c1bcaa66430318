"""The map through Prefect, beside the time that its calls take by themselves.

    python -m benchmarks.map_flow [--chunks 2000] [--per-session 1] [--chunk-tokens 500] [--latency 1.0] [--at-once 50]
        [--database sqlite|postgresql]

`rlm-context compile`, in a process of its own, uploads invented sessions, starts a local Prefect server on SQLite, or
uses one on PostgreSQL, and compiles with the backend `model` against a loopback Messages server that answers after so
many seconds. `ideal` is the calls of the map / at once × latency; `map` is the wall time of the step as the compile
reports it; `calls` the time from the first call of it to the last answer, as the server saw them. The goal is
map / ideal ≤ 1.10.
"""

import argparse
import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from tests.chaos.place import running
from tests.compiler.models.server_model import MAP, calls_of, fitting, settings_for
from tests.rlm.servers.messages import MessagesServer
from tests.synthetic import write_session

CHUNK_TOKENS = 500
"""The least that a chunk may be set to: then the time is that of calls, and not of reading long texts."""

_TURN_TOKENS = 68
"""Estimated tokens of one invented turn, at most."""


def main(options: argparse.Namespace) -> None:
    """Print the table."""
    # A server that Prefect started may write for some seconds after the compile.
    with (
        tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as folder,
        MessagesServer() as server,
        _prefect(Path(folder), options.database) as prefect,
    ):
        server.latency, server.reply = options.latency, fitting
        sessions = options.chunks // options.per_session
        team = write_project(
            Path(folder) / "team", sessions, options.per_session, tokens=options.chunk_tokens
        )
        report = _compile(Path(folder), team, server, prefect, options)
        calls = calls_of(server, MAP)
        ideal = len(calls) / options.at_once * options.latency
        took = report["seconds"]["chunk"] + report["seconds"]["summarize"]
        seen = max(call.at for call in calls) + options.latency - min(call.at for call in calls)
        chunks = report["chunks"]["total"]
        print(f"{options.database}, sessions {sessions:,}, chunks {chunks:,}, most at once {server.peak}")
        print(f"ideal {ideal:.1f} s, map {took:.1f} s, calls {seen:.1f} s")
        print(f"map / ideal {took / ideal:.3f}, calls / ideal {seen / ideal:.3f}")


def write_project(folder: Path, sessions: int, per_session: int, tokens: int = CHUNK_TOKENS) -> Path:
    """Invented sessions of so many chunks of so many tokens, five a day, by two authors; the folder."""
    turns = per_session * (tokens // _TURN_TOKENS)
    for number in range(sessions):
        session_id = f"{number:08x}-0000-4000-8000-{number:012x}"
        start = datetime(2026, 1, 5, 9, tzinfo=UTC) + timedelta(days=number // 5, hours=number % 5)
        path = folder / ("ann", "ben")[number % 2] / "projects" / "-src-shop" / f"{session_id}.jsonl"
        write_session(path, session_id=session_id, start=start, turns=turns, seed=number)
    return folder


@contextmanager
def _prefect(folder: Path, database: str) -> Iterator[dict[str, str]]:
    """The settings that lead to the Prefect server: none for the home's own, which is on SQLite."""
    if database == "sqlite":
        yield {}
        return
    with running(folder, database=database) as place:
        yield {"PREFECT_API_URL": place.api, "PREFECT_HOME": str(folder / "prefect")}


def _compile(
    folder: Path, team: Path, server: MessagesServer, prefect: dict[str, str], options: argparse.Namespace
) -> dict[str, Any]:
    """Run the command; its report on the project."""
    environment = {
        **os.environ,
        **settings_for(server),
        **prefect,
        "HOME": str(folder),
        "RLM_CONTEXT_HOME": str(folder / "home"),
        "RLM_CONTEXT_CHUNK_TOKENS": str(options.chunk_tokens),
        "RLM_CONTEXT_MODELS__AT_ONCE": str(options.at_once),
    }
    command = [sys.executable, "-m", "rlm_context", "compile", "--json"]
    command += ["--source", str(team), "--project", "shop"]
    done = subprocess.run(command, env=environment, stdout=subprocess.PIPE, text=True, check=True)
    report: dict[str, Any] = json.loads(done.stdout)["projects"][0]
    if report["degraded"]:
        print("degraded:", "; ".join(report["degraded"]))
    return report


if __name__ == "__main__":
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--chunks", type=int, default=2_000)
    parser.add_argument("--per-session", type=int, default=1)
    parser.add_argument("--chunk-tokens", type=int, default=CHUNK_TOKENS)
    parser.add_argument("--latency", type=float, default=1.0)
    parser.add_argument("--at-once", type=int, default=50)
    parser.add_argument("--database", choices=("sqlite", "postgresql"), default="sqlite")
    main(parser.parse_args())
