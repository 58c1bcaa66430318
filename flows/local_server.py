"""The one local Prefect server of a home: joined, started, waited for, and ended where a better one is needed.

The process itself is `flows.server_process`. The first command that needs a server starts it, all processes on the home
share it, and it ends shortly after the last of them.
"""

import contextlib
import fcntl
import json
import os
import signal
import subprocess
import sys
import time
import urllib.request
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

from data_models.errors import PipelineError
from flows import server_process
from flows.server_process import SCHEDULES, SERVER_LOCK, STATE, USERS_LOCK, try_lock

_LINGER_SECONDS = 20.0
"""How long the server stays after its last user: the next command of the same minute need not start one."""

_START_SECONDS = 120.0
_STARTS = 3
_POLL_SECONDS = 0.05
_http = urllib.request.build_opener(urllib.request.ProxyHandler({}))


@dataclass(frozen=True)
class LocalServer:
    """A live local server: its process, the URL of its API, and the `user:password` that its API asks for.

    `schedules` says that it keeps schedules and automations, as the one of `rlm-context up` does.
    """

    pid: int
    url: str
    auth: str
    schedules: bool = False


@contextlib.contextmanager
def local_server(
    home: Path, linger: float = _LINGER_SECONDS, *, schedules: bool = False
) -> Iterator[LocalServer]:
    """Join the home's local server, or start it, and keep it alive for the block. It may still be starting.

    Args:
        home: the user's home of rlm-context.
        linger: seconds that a server started here stays after its last user.
        schedules: whether a server started here keeps schedules and automations.

    Raises:
        PipelineError: it cannot be started.
    """
    folder = prefect_folder(home)
    deadline = time.monotonic() + _START_SECONDS
    lock = try_lock(folder / USERS_LOCK, fcntl.LOCK_SH)
    while lock is None:  # a server that is ending holds it to its last moment
        _pause(home, deadline)
        lock = try_lock(folder / USERS_LOCK, fcntl.LOCK_SH)
    try:
        yield _join_or_start(home, linger, deadline, schedules)
    finally:
        os.close(lock)


def wait_until_healthy(home: Path, server: LocalServer) -> LocalServer:
    """Wait until a server answers.

    Raises:
        PipelineError: it ended, or did not answer in time.
    """
    deadline = time.monotonic() + _START_SECONDS
    while not _healthy(server):
        if live_server(home) != server:
            raise _failed(home, "the local Prefect server ended while it started")
        _pause(home, deadline)
    return server


def live_server(home: Path) -> LocalServer | None:
    """The home's local server if its process lives, whether it answers yet or not."""
    folder = prefect_folder(home)
    free = try_lock(folder / SERVER_LOCK, fcntl.LOCK_SH)
    if free is not None:
        os.close(free)
        return None
    try:
        state = json.loads((folder / STATE).read_text(encoding="utf-8"))
        server = LocalServer(
            int(state["pid"]), str(state["url"]), str(state["auth"]), state[SCHEDULES] is True
        )
        os.kill(server.pid, 0)
    except (OSError, ValueError, KeyError, TypeError):
        return None  # not written yet, or not by a live server
    return server


def end_lesser(home: Path, waits: Callable[[], None]) -> None:
    """End a local server without schedules, once nobody uses it, and wait until it is gone.

    Args:
        home: the user's home of rlm-context.
        waits: called where somebody uses it still.
    """
    folder = prefect_folder(home)
    told = False
    while (server := live_server(home)) is not None and not server.schedules:
        lock = try_lock(folder / USERS_LOCK, fcntl.LOCK_EX)
        if lock is None and not told:
            waits()
            told = True
        if lock is not None:
            with contextlib.suppress(ProcessLookupError):
                os.kill(server.pid, signal.SIGTERM)
            while live_server(home) == server:
                time.sleep(_POLL_SECONDS)
            os.close(lock)
        time.sleep(_POLL_SECONDS)


def _join_or_start(home: Path, linger: float, deadline: float, schedules: bool) -> LocalServer:
    for _ in range(_STARTS):
        server = live_server(home)
        if server is None:
            _start(home, linger, schedules)
        while server is None and _starting(home):
            _pause(home, deadline)
            server = live_server(home)
        if server is not None:
            return server
    raise _failed(home, "the local Prefect server does not start")


def _starting(home: Path) -> bool:
    """Whether some process holds the server's lock; it writes its state a moment later."""
    lock = try_lock(prefect_folder(home) / SERVER_LOCK, fcntl.LOCK_SH)
    if lock is not None:
        os.close(lock)
    return lock is None


def _start(home: Path, linger: float, schedules: bool) -> None:
    """Start a server process; it detaches itself, or ends at once if another was faster."""
    folder = prefect_folder(home)
    # By path and with -P: what it imports must not depend on the folder this command runs in.
    program = [sys.executable, "-P", server_process.__file__]
    command = [*program, str(folder), str(_log(home)), str(linger), SCHEDULES if schedules else ""]
    result = subprocess.run(command, stdin=subprocess.DEVNULL, capture_output=True, check=False, text=True)
    if result.returncode:
        reason = result.stderr.strip().rpartition("\n")[2] or f"exit code {result.returncode}"
        raise _failed(home, f"the local Prefect server does not start: {reason}")


def _healthy(server: LocalServer) -> bool:
    try:
        with _http.open(f"{server.url}/health", timeout=5) as response:
            return bool(response.status == 200)
    except OSError:
        return False


def _pause(home: Path, deadline: float) -> None:
    if time.monotonic() > deadline:
        raise _failed(home, f"the local Prefect server did not answer in {_START_SECONDS:.0f} s")
    time.sleep(_POLL_SECONDS)


def _failed(home: Path, message: str) -> PipelineError:
    return PipelineError(f"{message}; its log is {_log(home)}", next_command="rlm-context doctor")


def prefect_folder(home: Path) -> Path:
    """The home's folder of what belongs to Prefect; made if it is missing."""
    return _folder(home, "prefect")


def _log(home: Path) -> Path:
    return _folder(home, "logs") / "prefect-server.log"


def _folder(home: Path, name: str) -> Path:
    home.mkdir(mode=0o700, parents=True, exist_ok=True)
    folder = home / name
    folder.mkdir(mode=0o700, exist_ok=True)
    return folder
