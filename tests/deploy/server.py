"""Prefect's server with command and settings from `deploy/compose.yaml`, on a database of one's own."""

import os
import signal
import socket
import subprocess
import sys
from contextlib import suppress
from pathlib import Path

from flows.local_server import LocalServer
from tests.deploy.compose import Service, service
from tests.flows.helpers import ROOT, Api
from tests.waiting import PATIENCE, until

AUTH = "team:a password with spaces"
PASSWORD = "0123456789abcdef"
_OTHERS = ("PREFECT_", "RLM_CONTEXT_", "ANTHROPIC_", "OPENAI_", "AWS_", "MODAL_")


class PrefectServer:
    """The server, and other services of the file that talk to it.

    Args:
        folder: for the homes and the logs.
        database: the URL of its database.
    """

    def __init__(self, folder: Path, database: str) -> None:
        self.folder = folder
        self._database = database
        self._port = free_port()
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def url(self) -> str:
        """The URL of the API."""
        return f"http://127.0.0.1:{self._port}/api"

    def api(self) -> Api:
        """The API with the right credentials."""
        return Api(LocalServer(0, self.url, AUTH))

    def start(self) -> None:
        """Start it, and wait until it and its database answer."""
        arguments, environment = self.service("server")
        arguments[arguments.index("0.0.0.0")] = "127.0.0.1"
        arguments[arguments.index("4200")] = str(self._port)
        self._process = self.begin("server", arguments, environment)
        until(self._is_ready, patience=3 * PATIENCE)

    def kill(self) -> None:
        """SIGKILL."""
        killed(self._process)
        self._process = None

    def service(self, name: str) -> Service:
        """A service of the file, with the places of this server in it."""
        origin = self.url.removesuffix("/api")
        values = {"DATABASE_PASSWORD": PASSWORD, "PREFECT_AUTH": AUTH, "PREFECT_URL": origin}
        arguments, environment = service(name, values)
        if "PREFECT_API_URL" in environment:
            environment["PREFECT_API_URL"] = self.url
        else:
            environment["PREFECT_SERVER_DATABASE_CONNECTION_URL"] = self._database
        return Service(arguments, environment)

    def begin(
        self, name: str, arguments: list[str], environment: dict[str, str], cwd: Path | None = None
    ) -> subprocess.Popen[bytes]:
        """Start `prefect` with arguments, in a group of its own, as the image would."""
        home = self.folder / "home"
        home.mkdir(exist_ok=True)
        clean = {key: value for key, value in os.environ.items() if not key.startswith(_OTHERS)}
        own = {"HOME": str(home), "PREFECT_HOME": str(self.folder / name), "PYTHONPATH": str(ROOT)}
        with (self.folder / f"{name}.log").open("ab") as log:
            return subprocess.Popen(
                [sys.executable, "-m", "prefect", *arguments],
                env=clean | own | environment,
                cwd=cwd or home,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )

    def log(self, name: str) -> str:
        """The end of what a process said, for messages of failing tests."""
        return (self.folder / f"{name}.log").read_text(encoding="utf-8", errors="replace")[-4000:]

    def _is_ready(self) -> bool:
        assert self._process
        assert self._process.poll() is None, self.log("server")
        with suppress(OSError):
            self.api().call("GET", "/ready")
            return True
        return False


def killed(process: subprocess.Popen[bytes] | None) -> None:
    """SIGKILL a process and its group."""
    if process:
        os.killpg(process.pid, signal.SIGKILL)
        process.wait(PATIENCE)


def free_port() -> int:
    """A port that nobody is given for a minute: a connection that was closed from our side keeps it from them."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = int(listener.getsockname()[1])
        with socket.create_connection(("127.0.0.1", port)), listener.accept()[0]:
            pass
    return port
