"""How a Prefect server's database grows with runs, and what the retention settings keep it at.

    python -m benchmarks.server_growth [--runs 40] [--database sqlite] [--database postgresql]

A server with the settings of `deploy/compose.yaml` on an empty database; so many compiles of one new session each; then
all of that is made old in the database, the server is started again, and as many compiles follow. What 1,000 runs take
is in proportion (the runs are equal); a run here ends within one heartbeat, so each half minute of a longer one adds an
event. PostgreSQL is Debian's package, and left out where that is missing.
"""

import argparse
import os
import sqlite3
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager, suppress
from pathlib import Path
from typing import NamedTuple

from tests.deploy.server import AUTH, PrefectServer
from tests.flows.helpers import ROOT
from tests.postgres import MISSING, Postgres, programs

_WARM = 3
"""Runs before the first look: what the first ones bring is not in proportion."""
_EVENT_TABLES = ("events", "event_resources")
_AGED = (
    "UPDATE flow_run SET end_time = '2020-01-01 00:00:00.000000'",
    "UPDATE events SET occurred = '2020-01-01 00:00:00.000000'",
    "UPDATE event_resources SET occurred = '2020-01-01 00:00:00.000000'",
)
_RUNS = """
import sys
from datetime import UTC, datetime
from pathlib import Path
from compiler.runtime import open_runtime
from compiler.uploading.upload import upload
from flows.run import compile_projects
from tests.synthetic import write_session
runtime, folder = open_runtime(), Path(sys.argv[1])
for number in range(int(sys.argv[2]), int(sys.argv[3])):
    start, session = datetime(2026, 3, 2, 9, tzinfo=UTC), f"00000000-0000-4000-8000-{number:012x}"
    write_session(folder / f"{session}.jsonl", session_id=session, start=start, turns=3, seed=number)
    upload(runtime, [folder / f"{session}.jsonl"], project="acme/shop")
    [report] = compile_projects(runtime.home, ["acme/shop"])
    if isinstance(report, Exception):
        raise report
"""


class Size(NamedTuple):
    """Bytes of a database: of its events, and of all that is in it."""

    events: int
    all: int

    def __sub__(self, other: object) -> "Size":
        """What was added."""
        assert isinstance(other, Size)
        return Size(self.events - other.events, self.all - other.all)


class Database(NamedTuple):
    """A database: its URL, what measures it, and what runs statements in it and returns their one number."""

    url: str
    size: Callable[[], Size]
    execute: Callable[[str], int]


def main() -> None:
    """Measure and print the table."""
    parser = argparse.ArgumentParser(description="Growth of a Prefect server's database.")
    parser.add_argument("--runs", type=int, default=40)
    parser.add_argument("--database", action="append", choices=list(_DATABASES))
    arguments = parser.parse_args()
    print(
        "| database | 1,000 runs | of it events | after runs, MB | aged and vacuumed | as many runs later |"
    )
    print("|---|---|---|---|---|---|")
    for name in arguments.database or _DATABASES:
        with tempfile.TemporaryDirectory() as folder, _DATABASES[name](Path(folder)) as database:
            print(f"| {name} | {_measured(Path(folder), database, arguments.runs)} |", flush=True)


def _measured(folder: Path, database: Database, runs: int) -> str:
    server = PrefectServer(folder, database.url)
    try:
        server.start()
        _run(folder, server, 0, _WARM)
        before = _settled(database)
        _run(folder, server, _WARM, _WARM + runs)
        after = _settled(database)
        server.kill()
        for statement in _AGED:
            database.execute(statement)
        server.start()
        _wait(lambda: database.execute("SELECT count(*) FROM flow_run WHERE end_time < '2021-01-01'") == 0)
        vacuumed = _settled(database)
        _run(folder, server, _WARM + runs, _WARM + 2 * runs)
        later = _settled(database)
    finally:
        server.kill()
    grown = after - before
    each = [f"{1000 * part / runs / 1e6:.0f} MB" for part in (grown.all, grown.events)]
    return " | ".join([*each, *(f"{size.all / 1e6:.1f}" for size in (after, vacuumed, later))])


def _run(folder: Path, server: PrefectServer, first: int, end: int) -> None:
    home = folder / "home"
    environment = {name: value for name, value in os.environ.items() if not name.startswith("PREFECT_")}
    environment |= {
        "HOME": str(home),
        "RLM_CONTEXT_HOME": str(home / "rlm-context"),
        "PREFECT_HOME": str(home / "prefect"),
        "PREFECT_API_URL": server.url,
        "PREFECT_API_AUTH_STRING": AUTH,
        "PREFECT_LOGGING_HANDLERS_CONSOLE_LEVEL": "CRITICAL",
    }
    command = [sys.executable, "-c", _RUNS, str(folder / "sessions"), str(first), str(end)]
    subprocess.run(command, cwd=ROOT, env=environment, check=True)


def _settled(database: Database) -> Size:
    """The size once nothing has changed for longer than the server holds events back, and its vacuum rests."""
    size, since = database.size(), time.monotonic()
    while time.monotonic() - since < 12:
        time.sleep(1)
        if (now := database.size()) != size:
            size, since = now, time.monotonic()
    return size


def _wait(is_done: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 300
    while not is_done():
        assert time.monotonic() < deadline, "the vacuum did not come"
        time.sleep(1)


@contextmanager
def _sqlite(folder: Path) -> Iterator[Database]:
    path = folder / "prefect.db"

    def execute(statement: str) -> int:
        with closing(sqlite3.connect(path, timeout=60)) as connection, connection:
            row = connection.execute(statement).fetchone()
        return int(row[0]) if row else 0

    def size() -> Size:
        tables = ", ".join(f"'{table}'" for table in _EVENT_TABLES)
        of_tables = f"SELECT name FROM sqlite_master WHERE tbl_name IN ({tables})"
        with suppress(sqlite3.OperationalError):  # it is being written
            execute("PRAGMA wal_checkpoint(TRUNCATE)")
        events = execute(f"SELECT coalesce(sum(pgsize), 0) FROM dbstat WHERE name IN ({of_tables})")
        return Size(events, execute("PRAGMA page_count") * execute("PRAGMA page_size"))

    yield Database(f"sqlite+aiosqlite:///{path}", size, execute)


@contextmanager
def _postgresql(folder: Path) -> Iterator[Database]:
    if programs() is None:
        raise SystemExit(MISSING)
    with Postgres() as postgres:
        postgres.start()

        def execute(statement: str) -> int:
            options = ("--tuples-only", "--no-align", "--quiet", "--command")
            printed = postgres.run("psql", *options, statement)
            return int(printed or 0)

        def size() -> Size:
            events = (f"pg_total_relation_size('{table}')" for table in _EVENT_TABLES)
            whole = execute("SELECT pg_database_size(current_database())")
            return Size(execute(f"SELECT {' + '.join(events)}"), whole)

        # PostgreSQL gives deleted rows' place to new ones once its own vacuum came by: here in seconds, not minutes
        execute("ALTER SYSTEM SET autovacuum_naptime = '5s'")
        execute("SELECT pg_reload_conf()::int")
        yield Database(postgres.url, size, execute)


_DATABASES = {"sqlite": _sqlite, "postgresql": _postgresql}


if __name__ == "__main__":
    main()
