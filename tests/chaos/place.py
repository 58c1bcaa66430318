"""A team's Prefect, in parts that may die at any time: database, server, and the served deployments.

Each part is a process. Whoever uses the place calls `tend` again and again, which starts what is gone, as a machine's
service manager would.
"""

import contextlib
import os
import signal
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path

from flows.server_process import LEASES
from flows.server_setup import NOT_BEGUN, close_dead_runs, close_runs_not_begun
from tests.chaos.api import post
from tests.postgres import Postgres

ROOT = Path(__file__).parents[2]
PATIENCE = 300.0
"""Seconds for a part to be there; a new database takes ten on an idle machine, and minutes on a busy one."""
DEAD_AFTER = timedelta(seconds=90)
"""Three heartbeats, and far more than it takes to start a process on an idle machine."""

_SERVER = """
import socket, sys, uvicorn
from flows.server_process import collect_aside
collect_aside()
listener = socket.socket()
listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
listener.bind(("127.0.0.1", int(sys.argv[1])))
config = uvicorn.Config("prefect.server.api.server:create_app", factory=True, lifespan="on", log_level="warning")
uvicorn.Server(config).run(sockets=[listener])
"""
_WORKER = """
import sys
from rlm_context.main import main
sys.argv[1:] = ["up"]
main()
"""


@dataclass
class Part:
    """A process that is started again when it is gone; its id stands in a file, for who kills it."""

    name: str
    folder: Path
    begin: Callable[[], subprocess.Popen[bytes]]
    starts: int = 0
    process: subprocess.Popen[bytes] | None = field(default=None, repr=False)

    def tend(self) -> None:
        """Start it if it is gone."""
        if self.process is not None and self.process.poll() is None:
            return
        self.process = self.begin()
        self.starts += 1
        temporary = self.folder / f"{self.name}.new"
        temporary.write_text(str(self.process.pid))
        temporary.replace(self.folder / f"{self.name}.pid")

    def end(self) -> None:
        """Stop it for good."""
        if self.process is not None:
            self.process.kill()
            self.process.wait()


class Place:
    """A Prefect server on a port of its own, its database, and a process that serves the deployments.

    Args:
        folder: for its files; `home` in it is the home of the served deployments.
        environment: of the served deployments, besides what leads them to the server; None to serve none.
        database: PostgreSQL; None for SQLite.
    """

    def __init__(self, folder: Path, environment: dict[str, str] | None, database: Postgres | None) -> None:
        self.folder, self.home = folder, folder / "home"
        self._environment, self._database = environment or {}, database
        # Bound and not listening: keeps the port ours while the server is dead.
        self._port = socket.socket()
        self._port.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
        self._port.bind(("127.0.0.1", 0))
        (folder / "server").mkdir(exist_ok=True)
        self.parts = [Part("server", folder, self._start_server)]
        if environment is not None:
            self.parts.append(Part("worker", folder, self._start_worker))
        if database is not None:
            self.parts.insert(0, Part("database", folder, database.begin))

    @property
    def api(self) -> str:
        """The URL of the server's API."""
        return f"http://127.0.0.1:{self._port.getsockname()[1]}/api"

    def tend(self) -> None:
        """Start every part that is gone."""
        for part in self.parts:
            part.tend()

    def wait(self) -> None:
        """Start all, in their order, each once the one before is there."""
        looks = {"database": self._database_answers, "server": self.answers, "worker": self._serves}
        for part in self.parts:
            deadline = time.monotonic() + PATIENCE
            while not looks[part.name]():
                part.tend()
                assert time.monotonic() < deadline, f"the {part.name} does not start"
                time.sleep(0.2)
            if part.name == "server":
                self._close_dead_runs()

    def answers(self) -> bool:
        """Whether the server answers."""
        return self._has("/health")

    def end(self) -> None:
        """End all, and runs that a killed worker left behind."""
        for part in reversed(self.parts):
            part.end()
        for process in flow_processes(self.home):
            with contextlib.suppress(ProcessLookupError):
                os.kill(process.pid, signal.SIGKILL)
        self._port.close()

    def _close_dead_runs(self) -> None:
        """Make the automations that `up` would make, less patient."""
        for automation in (close_dead_runs(DEAD_AFTER), close_runs_not_begun(NOT_BEGUN, DEAD_AFTER)):
            post(f"{self.api}/automations/", automation.model_dump(mode="json"))

    def _database_answers(self) -> bool:
        assert self._database is not None
        return self._database.answers()

    def _serves(self) -> bool:
        return self._has("/deployments/name/compile-context/on-session-end")

    def _has(self, path: str) -> bool:
        try:
            with urllib.request.urlopen(self.api + path, timeout=5) as response:
                return bool(response.status == 200)
        except OSError:
            return False

    def _start_server(self) -> subprocess.Popen[bytes]:
        folder = self.folder / "server"
        database = self._database.url if self._database else f"sqlite+aiosqlite:///{folder}/prefect.db"
        settings = {
            "PREFECT_HOME": str(folder),
            "PREFECT_SERVER_ANALYTICS_ENABLED": "false",
            "PREFECT_SERVER_DATABASE_CONNECTION_URL": database,
            "PREFECT_SERVER_DEPLOYMENTS_CONCURRENCY_SLOT_WAIT_SECONDS": "2",
            "PREFECT_SERVER_LOGGING_LEVEL": "WARNING",
            "PREFECT_SERVER_UI_ENABLED": "false",
            **LEASES,
        }
        return self._start("server", [_SERVER, self.api.rpartition(":")[2].removesuffix("/api")], settings)

    def _start_worker(self) -> subprocess.Popen[bytes]:
        settings = {
            "PREFECT_API_URL": self.api,
            "PREFECT_HOME": str(self.home / "prefect"),
            "PREFECT_RUNNER_POLL_FREQUENCY": "1",
            "RLM_CONTEXT_HOME": str(self.home),
        }
        return self._start("worker", [_WORKER], self._environment | settings)

    def _start(self, name: str, code: list[str], settings: dict[str, str]) -> subprocess.Popen[bytes]:
        with (self.folder / f"{name}.log").open("ab") as log:
            return subprocess.Popen(
                [sys.executable, "-c", *code],
                env=os.environ | {"PYTHONPATH": str(ROOT), "DO_NOT_TRACK": "1"} | settings,
                cwd=self.folder,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
            )


@contextlib.contextmanager
def running(
    folder: Path, environment: dict[str, str] | None = None, database: str = "sqlite"
) -> Iterator[Place]:
    """A place whose parts are all there; gone at the end.

    Args:
        folder: see `Place`.
        environment: see `Place`.
        database: "sqlite" or "postgresql".
    """
    with contextlib.ExitStack() as stack:
        own = stack.enter_context(Postgres()) if database == "postgresql" else None
        place = Place(folder, environment, own)
        stack.callback(place.end)
        place.wait()
        yield place


@dataclass(frozen=True)
class FlowProcess:
    """A process that runs, or is about to run, a flow run."""

    pid: int
    run: str


def flow_processes(home: Path) -> Iterator[FlowProcess]:
    """The processes of flow runs on a home, also those whose worker is gone; from Linux's `/proc`."""
    ours = b"RLM_CONTEXT_HOME=" + os.fsencode(home)
    for folder in Path("/proc").glob("[0-9]*"):
        try:
            variables = (folder / "environ").read_bytes().split(b"\0")
        except OSError:  # it has ended, or is somebody else's
            continue
        runs = [each.partition(b"=")[2] for each in variables if each.startswith(b"PREFECT__FLOW_RUN_ID=")]
        if runs and ours in variables:
            yield FlowProcess(int(folder.name), runs[0].decode())
