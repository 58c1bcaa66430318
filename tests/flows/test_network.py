"""Nobody but this machine hears of a compile: not from the command, not from the server it starts."""

import os
import signal
from collections.abc import Callable
from pathlib import Path
from subprocess import Popen

from flows.local_server import live_server
from tests.flows.helpers import COMPILE, PATIENT, SOURCE
from tests.flows.test_local_server import ended
from tests.waiting import until

RECORDER = """
import os, sys
def record(event, arguments):
    if event == "socket.connect":
        line = f"{os.getpid()} connect {arguments[1]!r}"
    elif event in ("socket.getaddrinfo", "socket.gethostbyname"):
        line = f"{os.getpid()} resolve {arguments[0]!r}"
    else:
        return
    with open(os.environ["CONNECTIONS"], "a") as file:
        print(line, file=file)
sys.addaudithook(record)
"""
"""As `sitecustomize` it runs first in every Python process, and hears of every connection in it."""


def test_client_and_server_reach_loopback_only(
    warm_home: Path, tmp_path: Path, start: Callable[..., Popen[str]]
) -> None:
    """Every address that the command and its server resolve or connect to is 127.0.0.1."""
    (tmp_path / "hook").mkdir()
    (tmp_path / "hook" / "sitecustomize.py").write_text(RECORDER)
    seen = tmp_path / "connections"
    path = os.pathsep.join((str(tmp_path / "hook"), str(Path(__file__).parents[2])))
    process = start(COMPILE, "acme/tidewatch", SOURCE, PYTHONPATH=path, CONNECTIONS=seen)
    _, errors = process.communicate(timeout=PATIENT)
    assert process.returncode == 0, errors
    server = live_server(warm_home)
    assert server is not None
    os.kill(server.pid, signal.SIGTERM)  # it would linger
    until(lambda: ended(warm_home))  # what it does last is looked at too
    lines = seen.read_text().splitlines()
    assert any(line.startswith(f"{process.pid} connect") for line in lines)
    assert [line for line in lines if "127.0.0.1" not in line and "'/" not in line] == []
