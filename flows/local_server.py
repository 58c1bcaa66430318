"""Which Prefect server this process talks to: the user's own, else one local server per home.

The local server (`flows.server_process`) is started by the first command that needs one, shared by all
processes on the home, and ends shortly after the last of them. Nothing here imports Prefect before its
settings are decided, because it reads them once, when it is imported.
"""

import contextlib
import fcntl
import json
import os
import signal
import subprocess
import sys
import time
import tomllib
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit, urlunsplit

from data_models.errors import PipelineError
from flows import server_process
from flows.server_process import SCHEDULES, SERVER_LOCK, STATE, USERS_LOCK, try_lock

LINGER_SECONDS = 20.0
"""How long the server stays after its last user: the next command of the same minute need not start one."""

LOOKS = "2"
"""Seconds between two looks for triggered runs, by who serves deployments on the home's server. Prefect's 10 would be
most of what a session's end waits for; docs/prefect.md has what the looks cost."""

_START_SECONDS = 120.0
_STARTS = 3
_POLL_SECONDS = 0.05
_LOOPBACK = "127.0.0.1"
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
def prefect_api(home: Path, *, own: bool = False) -> Iterator[str]:
    """Decide on the Prefect server, set it up for this process, and keep it alive for the block.

    A server that the user configured (`PREFECT_API_URL`, or in the active profile) is used as it is. Else the
    home's local server is joined or started, and Prefect's environment in this process points to it.

    Args:
        home: the user's home of rlm-context.
        own: use the home's local server, whatever the user configured.

    Yields:
        The URL of the API.

    Raises:
        PipelineError: the local server cannot be started, or does not answer.
    """
    configured = "" if own else configured_api()
    if configured:
        with _environment({"DO_NOT_TRACK": "1"}), _settings_in_force(_prefect_folder(home)):
            _require_answer(configured)
            yield configured
        return
    with (
        local_server(home) as server,
        _environment(_client_environment(home, server)),
        _settings_in_force(_prefect_folder(home)),  # takes a second, in which the server starts
    ):
        yield wait_until_healthy(home, server).url


@contextlib.contextmanager
def serving_api(home: Path, waits: Callable[[], None]) -> Iterator[str]:
    """As `prefect_api`, for a process that serves deployments: on a local server that keeps schedules.

    Args:
        home: the user's home of rlm-context.
        waits: called where a compile still uses a server without schedules, which has to end first.

    Yields:
        The URL of the API.

    Raises:
        PipelineError: the server cannot be started, or does not answer.
    """
    ours = {
        "PREFECT_FLOWS_HEARTBEAT_FREQUENCY": "30",  # what the automation for dead runs listens to
        "PREFECT_CLIENT_RETRY_EXTRA_CODES": "500",  # what a server says while its PostgreSQL is away
    }
    # Runs are started in this folder too: a checkout has no say in their settings.
    with _inside(_prefect_folder(home)):
        if configured_api():
            with _environment(ours), prefect_api(home) as url:
                yield url
            return
        _end_lesser(home, waits)
        with (
            local_server(home, schedules=True) as server,
            _environment(_client_environment(home, server) | ours | {"PREFECT_RUNNER_POLL_FREQUENCY": LOOKS}),
            _settings_in_force(_prefect_folder(home)),
        ):
            if not server.schedules:
                raise PipelineError(
                    "another command was faster with a server of its own", next_command="rlm-context up"
                )
            yield wait_until_healthy(home, server).url


def _end_lesser(home: Path, waits: Callable[[], None]) -> None:
    """End a local server without schedules, once nobody uses it."""
    folder = _prefect_folder(home)
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


def configured_api() -> str:
    """The API that the user configured for Prefect: the environment, else the active profile; "" if none."""
    return prefect_setting("PREFECT_API_URL")


def without_password(url: str) -> str:
    """A server's URL as it may be shown: it can hold credentials."""
    try:
        address = urlsplit(url)
    except ValueError:
        return "what is configured as PREFECT_API_URL"
    return urlunsplit(address._replace(netloc=address.netloc.rpartition("@")[2]))


def prefect_setting(name: str) -> str:
    """What the user set for Prefect, read without importing it: the environment, else the active profile; else ""."""
    value = os.environ.get(name, "")
    if value:
        return value
    folder = Path(os.environ.get("PREFECT_HOME") or Path.home() / ".prefect").expanduser()
    path = Path(os.environ.get("PREFECT_PROFILES_PATH") or folder / "profiles.toml").expanduser()
    try:
        profiles = tomllib.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return ""  # Prefect itself goes on without profiles then, and says so
    active = os.environ.get("PREFECT_PROFILE") or profiles.get("active")
    profile = profiles.get("profiles", {}).get(active, {})
    return str(profile.get(name, ""))


@contextlib.contextmanager
def local_server(
    home: Path, linger: float = LINGER_SECONDS, *, schedules: bool = False
) -> Iterator[LocalServer]:
    """Join the home's local server, or start it, and keep it alive for the block. It may still be starting.

    Args:
        home: the user's home of rlm-context.
        linger: seconds that a server started here stays after its last user.
        schedules: whether a server started here keeps schedules and automations.

    Raises:
        PipelineError: it cannot be started.
    """
    folder = _prefect_folder(home)
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
    folder = _prefect_folder(home)
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
    lock = try_lock(_prefect_folder(home) / SERVER_LOCK, fcntl.LOCK_SH)
    if lock is not None:
        os.close(lock)
    return lock is None


def _start(home: Path, linger: float, schedules: bool) -> None:
    """Start a server process; it detaches itself, or ends at once if another was faster."""
    folder = _prefect_folder(home)
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
    except (OSError, urllib.error.URLError):
        return False


def _pause(home: Path, deadline: float) -> None:
    if time.monotonic() > deadline:
        raise _failed(home, f"the local Prefect server did not answer in {_START_SECONDS:.0f} s")
    time.sleep(_POLL_SECONDS)


def _failed(home: Path, message: str) -> PipelineError:
    return PipelineError(f"{message}; its log is {_log(home)}", next_command="rlm-context doctor")


def _require_answer(url: str) -> None:
    from prefect.client.orchestration import get_client

    with get_client(sync_client=True) as client:
        problem = client.api_healthcheck()
    if problem is not None:
        raise PipelineError(
            f"the Prefect server at {without_password(url)} does not answer ({type(problem).__name__})",
            next_command="prefect server start, or unset PREFECT_API_URL for a local server",
        )


def _client_environment(home: Path, server: LocalServer) -> dict[str, str | None]:
    """Prefect's environment of a process that uses the local server; None unsets."""
    ours: dict[str, str | None] = {
        # What the user set for another server must not reach ours; how much is logged is still the user's.
        name: None
        for name in os.environ
        if name.startswith("PREFECT_") and not name.startswith("PREFECT_LOGGING_")
    }
    return ours | {
        "DO_NOT_TRACK": "1",
        "PREFECT_HOME": str(_prefect_folder(home)),
        "PREFECT_API_URL": server.url,
        "PREFECT_API_AUTH_STRING": server.auth,
        "PREFECT_SERVER_ANALYTICS_ENABLED": "false",
        "PREFECT_CLIENT_SERVER_VERSION_CHECK_ENABLED": "false",
        "NO_PROXY": ",".join(filter(None, (os.environ.get("NO_PROXY"), _LOOPBACK))),
        "no_proxy": ",".join(filter(None, (os.environ.get("no_proxy"), _LOOPBACK))),
    }


@contextlib.contextmanager
def _environment(values: dict[str, str | None] | dict[str, str]) -> Iterator[None]:
    before = {name: os.environ.get(name) for name in values}
    _apply(values)
    try:
        yield
    finally:
        _apply(before)


def _apply(values: Any) -> None:
    for name, value in values.items():
        if value is None:
            os.environ.pop(name, None)
        else:
            os.environ[name] = value


@contextlib.contextmanager
def _settings_in_force(folder: Path) -> Iterator[None]:
    """Load Prefect with the environment as it is now, whether or not it was imported before.

    Prefect also reads `.env`, `prefect.toml` and `pyproject.toml` of the working folder, where a logging
    configuration may name code to run; the working folder may be anyone's checkout, so they are not read.
    """
    with _inside(folder):
        from prefect import context, main  # noqa: F401  main: all that a flow needs, while the server starts

        context.refresh_global_settings_context()
    try:
        yield
    finally:
        _drain()


def _drain() -> None:
    """Send what Prefect still holds back in threads: task runs are recorded from its events."""
    from prefect.events.worker import EventsWorker
    from prefect.logging.handlers import APILogWorker

    EventsWorker.drain_all(timeout=10)
    APILogWorker.drain_all(timeout=10)


@contextlib.contextmanager
def _inside(folder: Path) -> Iterator[None]:
    try:
        before = Path.cwd()
    except FileNotFoundError:
        before = folder  # a removed worktree: there is nothing to go back to
    os.chdir(folder)
    try:
        yield
    finally:
        os.chdir(before)


def _prefect_folder(home: Path) -> Path:
    return _folder(home, "prefect")


def _log(home: Path) -> Path:
    return _folder(home, "logs") / "prefect-server.log"


def _folder(home: Path, name: str) -> Path:
    home.mkdir(mode=0o700, parents=True, exist_ok=True)
    folder = home / name
    folder.mkdir(mode=0o700, exist_ok=True)
    return folder
