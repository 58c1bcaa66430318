"""A team's PostgreSQL, Prefect server and worker, with commands and settings from `deploy/compose.yaml`."""

import os
import signal
import subprocess
import urllib.request
from contextlib import ExitStack, suppress
from datetime import timedelta
from pathlib import Path
from types import TracebackType
from typing import Self

from flows.server_setup import close_dead_runs
from tests.deploy.server import PrefectServer, free_port, killed
from tests.flows.helpers import ROOT
from tests.postgres import Postgres
from tests.waiting import PATIENCE, until

MORTAL = "acme/mortal"
"""A project whose runs count as dead after ten seconds of silence, the least there is; no other's do in these tests."""


class Team:
    """The three, each to be killed and started again; all gone on exit.

    Args:
        folder: for the homes, the store and the logs.
        models: the environment of the worker's models.
    """

    def __init__(self, folder: Path, models: dict[str, str]) -> None:
        self.store = folder / "store"
        self.database = Postgres()
        self._folder, self._models = folder, models
        self._home = folder / "home" / "rlm-context"
        self._health = free_port()
        self._worker: subprocess.Popen[bytes] | None = None

    def __enter__(self) -> Self:
        with ExitStack() as stack:
            stack.enter_context(self.database)
            self.database.start()
            self.server = PrefectServer(self._folder, self.database.url)
            stack.callback(self.server.kill)
            stack.callback(self.kill_worker)
            self.server.start()
            self.start_worker()
            self._stack = stack.pop_all()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._stack.close()

    def start_worker(self) -> None:
        """Start a worker, and wait until it says that it lives."""
        arguments, environment = self.server.service("worker")
        ours = {
            "RLM_CONTEXT_STORE": str(self.store),
            "RLM_CONTEXT_HOME": str(self._home),
            "PREFECT_WORKER_QUERY_SECONDS": "1",  # the tests need not wait for ten
            "PREFECT_WORKER_WEBSERVER_PORT": str(self._health),
        }
        self._worker = self.server.begin("worker", arguments, environment | self._models | ours)
        until(lambda: self.server.api().call("POST", "/work_pools/filter", {}), 3 * PATIENCE)

    def kill_worker(self) -> None:
        """SIGKILL of the worker and of the runs it started, as when their machine loses power."""
        killed(self._worker)
        self._worker = None
        ours = f"RLM_CONTEXT_HOME={self._home}".encode()
        for process in Path("/proc").glob("[0-9]*"):  # a run is the leader of a group of its own
            with suppress(OSError):  # it has ended, or is somebody else's
                if ours in (process / "environ").read_bytes().split(b"\0"):
                    os.kill(int(process.name), signal.SIGKILL)

    def worker_is_healthy(self) -> bool:
        """Whether the worker says so, as the container asks it."""
        with suppress(OSError), urllib.request.urlopen(f"http://127.0.0.1:{self._health}/health", timeout=5):
            return True
        return False

    def deploy(self) -> None:
        """Make the deployments, as the service of that name does, and the automation for `MORTAL`."""
        arguments, environment = self.server.service("deployments")
        done = self.server.begin("deployments", arguments, environment, cwd=ROOT).wait(3 * PATIENCE)
        assert done == 0, self.server.log("deployments")
        automation = close_dead_runs(timedelta(seconds=10)).model_dump(mode="json") | {"name": MORTAL}
        automation["trigger"]["match_related"]["prefect.resource.id"] = f"prefect.tag.{MORTAL}"
        self._impatient = self.server.api().call("POST", "/automations/", automation)["id"]

    def be_patient(self) -> None:
        """Remove the automation for `MORTAL`: a live run may say nothing for half a minute."""
        self.server.api().call("DELETE", f"/automations/{self._impatient}")
