"""The local Prefect server of one home: a process that ends itself once nobody uses it any more.

`flows.local_server` starts this file by its path (standard library only until the server is up) with four
arguments: the home's Prefect folder, the log file, the seconds to stay after the last user left, and the word
`schedules` where `rlm-context up` needs schedules and automations, else nothing. Files in the folder:

    server.lock   held (flock) by the one live server for as long as it lives, so a kill frees it
    users.lock    held shared by every process that uses the server
    server.json   pid, url, auth, schedules: written once the port is bound, before Prefect is imported
    port          the port of the last server with schedules, so that the address of its UI stays
    password      what servers of this home ask for, so that a browser that knows it is not asked again

The port is bound here and handed to the server, so no other program can take it in between, and a client may
connect at once and wait.
"""

import base64
import fcntl
import gc
import json
import os
import re
import secrets
import socket
import sys
import threading
import time
import urllib.request
from datetime import UTC, datetime
from http.client import HTTPException
from itertools import count
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import uvicorn

SERVER_LOCK = "server.lock"
USERS_LOCK = "users.lock"
STATE = "server.json"
PORT = "port"
PASSWORD = "password"  # noqa: S105  the name of the file that holds it
_PASSWORD_BYTES = 24
_IS_PASSWORD = re.compile(r"[A-Za-z0-9_-]{32}").fullmatch  # what `token_urlsafe` makes of them
_LOG_BYTES = 1_000_000
_WATCH_SECONDS = 0.5
_COLLECT_SECONDS = 1.0
_OLD_EVERY = 60
"""Every so many collections look at old objects too, which takes a tenth of a second."""

SCHEDULES = "schedules"
# What a server for one user, without schedules or automations, never needs. What stays: the recorder of task runs,
# the vacuum of old runs, and the repossessor of leases that killed processes held.
_OFF = (
    "SERVICES_SCHEDULER",
    "SERVICES_LATE_RUNS",
    "SERVICES_FOREMAN",
    "SERVICES_PAUSE_EXPIRATIONS",
    "SERVICES_CANCELLATION_CLEANUP",
    "SERVICES_CLEANUP_RECONCILER",
    "SERVICES_TRIGGERS",
    "SERVICES_EVENT_PERSISTER",  # five rows a task run in SQLite that nothing here reads
    "EVENTS_STREAM_OUT",  # what serves deployments hears there of runs that somebody cancels
)

RETENTION = {
    "PREFECT_SERVER_SERVICES_DB_VACUUM_ENABLED": "events,flow_runs",  # runs with their task runs, logs and artifacts
    "PREFECT_SERVER_SERVICES_DB_VACUUM_RETENTION_PERIOD": "2592000",  # runs that ended 30 days ago, in seconds
    "PREFECT_SERVER_EVENTS_RETENTION_PERIOD": "P3D",  # ISO 8601; Prefect takes no seconds here
}
"""What keeps a server's database from growing for ever: the vacuum deletes what is older, every hour. The store's own
records of runs stay for longer. `deploy/compose.yaml` has the same for a team."""
LEASES = {"PREFECT_SERVER_CONCURRENCY_LEASE_STORAGE": "prefect.server.concurrency.lease_storage.filesystem"}
"""Where a server notes who holds places under a limit. What is killed gives its places back minutes later that way,
also where the server is killed too: in memory, which is Prefect's default, it would forget them, and those places
would stay taken for ever. `deploy/compose.yaml` has the same for a team."""


def try_lock(path: Path, kind: int) -> int | None:
    """Take a flock on `path` without waiting.

    Args:
        path: the lock file; made (0600) if missing.
        kind: `fcntl.LOCK_SH` or `fcntl.LOCK_EX`.

    Returns:
        The descriptor that holds the lock until it is closed, or None if another process holds it.
    """
    descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        fcntl.flock(descriptor, kind | fcntl.LOCK_NB)
    except BlockingIOError:
        os.close(descriptor)
        return None
    return descriptor


def main() -> None:
    """Become the server of the folder given on the command line, unless it has one."""
    folder, log, linger, mode = Path(sys.argv[1]), Path(sys.argv[2]), float(sys.argv[3]), sys.argv[4]
    os.umask(0o077)
    lock = try_lock(folder / SERVER_LOCK, fcntl.LOCK_EX)
    if lock is None:
        return
    (folder / STATE).unlink(missing_ok=True)  # a killed server's
    if os.fork():
        os._exit(0)  # whoever started us need not reap us; the lock is the child's now
    os.setsid()
    os.chdir(folder)  # Prefect reads settings from its working folder, and that may be anyone's checkout
    _redirect_output(log)
    _serve(folder, lock, linger, mode == SCHEDULES)


def _redirect_output(log: Path) -> None:
    if log.exists() and log.stat().st_size > _LOG_BYTES:
        log.replace(log.with_name(log.name + ".1"))
    output = os.open(log, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
    nothing = os.open(os.devnull, os.O_RDONLY)
    for source, target in ((nothing, 0), (output, 1), (output, 2)):
        os.dup2(source, target)


def _serve(folder: Path, lock: int, linger: float, schedules: bool) -> None:
    listener = _last_port(folder) if schedules else _bound(0)
    url = f"http://127.0.0.1:{listener.getsockname()[1]}"
    auth = f"rlm-context:{_password(folder)}"
    _set_environment(folder, url, auth)
    if not schedules:
        os.environ.update({f"PREFECT_SERVER_{name}_ENABLED": "false" for name in _OFF})
    _write_state(folder, {"pid": os.getpid(), "url": f"{url}/api", "auth": auth, SCHEDULES: schedules})
    import uvicorn

    collect_aside()
    config = uvicorn.Config(
        "prefect.server.api.server:create_app",
        factory=True,
        lifespan="on",
        log_level="warning",
        timeout_graceful_shutdown=5,
    )
    server = uvicorn.Server(config)
    watched = (folder, lock, server, linger, f"{url}/api", auth)
    threading.Thread(target=_watch, args=watched, daemon=True).start()
    server.run(sockets=[listener])
    if _stands(folder / SERVER_LOCK, lock):
        (folder / STATE).unlink(missing_ok=True)
    if not server.started:
        sys.exit(1)


def collect_aside() -> None:
    """Collect garbage in a thread of its own from now on, or servers on SQLite stand still.

    Python 3.11 leaves a statement that failed with its cursor, and mostly the cycles of garbage hold both. Who frees it
    waits for as long as its connection is in use: for a minute where that waits for the database's lock (Prefect's
    `busy_timeout`). In the thread that serves all requests nobody went on meanwhile, not even who held the lock and was
    about to let go. Since 3.12 nothing is left.
    """
    if sys.version_info >= (3, 12):
        return
    gc.disable()
    threading.Thread(target=_collect, name="garbage", daemon=True).start()


def _collect() -> None:
    for turn in count(1):
        time.sleep(_COLLECT_SECONDS)
        gc.collect(1 if turn % _OLD_EVERY else 2)


def _last_port(folder: Path) -> socket.socket:
    """The port of the server with schedules before this one, if nobody has taken it since; else any, to be kept."""
    path = folder / PORT
    try:
        last = int(path.read_text(encoding="ascii"))
        listener = _bound(last if 0 < last < 1 << 16 else 0)
    except (OSError, ValueError):  # none yet, taken, or no number
        listener = _bound(0)
    path.write_text(str(listener.getsockname()[1]), encoding="ascii")
    return listener


def _password(folder: Path) -> str:
    """The home's password; a new one where there is none, or it is damaged, or others may have read it."""
    path = folder / PASSWORD
    try:
        if not path.stat().st_mode & 0o077 and _IS_PASSWORD(kept := path.read_text(encoding="ascii")):
            return kept
    except (OSError, ValueError):  # none yet, or no text
        pass
    path.unlink(missing_ok=True)
    made = secrets.token_urlsafe(_PASSWORD_BYTES)
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "w", encoding="ascii") as file:
        file.write(made)
    return made


def _bound(port: int) -> socket.socket:
    return socket.create_server(("127.0.0.1", port), backlog=256)


def _set_environment(folder: Path, url: str, auth: str) -> None:
    """Prefect's settings for this server, and none that the user made for another one."""
    for name in [name for name in os.environ if name.startswith("PREFECT_")]:
        del os.environ[name]
    os.environ.update(
        DO_NOT_TRACK="1",
        PREFECT_HOME=str(folder),
        PREFECT_SERVER_ANALYTICS_ENABLED="false",
        # Any program and any web page on this machine can reach the port; the brief is an artifact in there.
        PREFECT_SERVER_API_AUTH_STRING=auth,
        PREFECT_SERVER_CORS_ALLOWED_ORIGINS=url,
        PREFECT_SERVER_DATABASE_CONNECTION_URL=f"sqlite+aiosqlite:///{folder}/prefect.db",
        PREFECT_SERVER_LOGGING_LEVEL="WARNING",
        PREFECT_SERVER_UI_API_URL=f"{url}/api",
        PREFECT_SERVER_UI_SHOW_PROMOTIONAL_CONTENT="false",
        PREFECT_SERVER_UI_STATIC_DIRECTORY=str(folder / "ui"),  # else it writes into the installed package
        PREFECT_SERVER_UI_V2_ENABLED="false",  # opens the first: the second asks a tracking service for settings
        **RETENTION,
        **LEASES,
    )
    # Left by a server that was killed; its number may be another process's by now, and then nobody would be served.
    (folder / "concurrency_leases" / "expirations.lock").unlink(missing_ok=True)


def _write_state(folder: Path, state: dict[str, str | int]) -> None:
    temporary = folder / f"{STATE}.{os.getpid()}"
    temporary.write_text(json.dumps(state), encoding="utf-8")
    temporary.replace(folder / STATE)


def _watch(folder: Path, lock: int, server: "uvicorn.Server", linger: float, api: str, auth: str) -> None:
    """Wait until the server has started, tidy up after the one before, and end it when it is not used."""
    begun = datetime.now(UTC)
    while not server.started and not server.should_exit:
        time.sleep(_WATCH_SECONDS)
    if server.started:
        _close_killed_runs(api, auth, begun)
    _end_when_unused(folder, lock, server, linger)


def _close_killed_runs(api: str, auth: str, begun: datetime) -> None:
    """Mark runs as crashed that were running before this server began, since most of their processes were killed too.

    One that goes on, as a command's where this server has the address of the one before, says at its end how it ended.
    """
    running = {
        "state": {"type": {"any_": ["RUNNING", "CANCELLING"]}},
        "start_time": {"before_": begun.isoformat()},
    }
    crashed = {
        "state": {"type": "CRASHED", "name": "Crashed", "message": "Its process ended."},
        "force": True,
    }
    try:
        for run in _post(f"{api}/flow_runs/filter", {"flow_runs": running}, auth):
            _post(f"{api}/flow_runs/{run['id']}/set_state", crashed, auth)
    except (OSError, ValueError, HTTPException) as error:  # whatever it is: somebody has to end this server
        print(f"runs of killed processes still show as running: {error}", file=sys.stderr)  # noqa: T201  our log


def _post(url: str, body: dict[str, Any], auth: str) -> Any:
    credentials = base64.b64encode(auth.encode()).decode()
    headers = {"Authorization": f"Basic {credentials}", "Content-Type": "application/json"}
    request = urllib.request.Request(url, json.dumps(body).encode(), headers)  # noqa: S310  our own http URL
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    with opener.open(request, timeout=30) as response:
        return json.load(response)


def _end_when_unused(folder: Path, lock: int, server: "uvicorn.Server", linger: float) -> None:
    """Stop the server when no process has held the users' lock for `linger` seconds, or the folder was removed.

    The lock is then kept until this process is gone: whoever comes meanwhile waits for that and starts anew.
    """
    used = time.monotonic()
    while not server.should_exit:
        if not _stands(folder / SERVER_LOCK, lock):  # nobody could find this server any more, nor end it
            server.should_exit = True
            return
        users = try_lock(folder / USERS_LOCK, fcntl.LOCK_EX)
        if users is None:
            used = time.monotonic()
        elif time.monotonic() - used < linger:
            os.close(users)
        else:
            (folder / STATE).unlink(missing_ok=True)
            server.should_exit = True
        time.sleep(_WATCH_SECONDS)


def _stands(path: Path, descriptor: int) -> bool:
    """Whether the open file is still the one of this path."""
    try:
        return os.path.samestat(path.stat(), os.fstat(descriptor))
    except OSError:
        return False


if __name__ == "__main__":
    main()
