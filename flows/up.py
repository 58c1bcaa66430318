"""`rlm-context up`: a Prefect server for the home, its UI, and the deployments served on this machine."""

import contextlib
import fcntl
import os
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import NoReturn

from data_models.errors import PipelineError
from flows.anew import begin_again, beginning, end_now
from flows.local_server import LocalServer, live_server
from flows.prefect_api import serving_api
from flows.server_process import try_lock

UP_LOCK = "up.lock"
_WATCH_SECONDS = 1.0


def up(
    home: Path,
    *,
    ready: Callable[[str], None],
    waits: Callable[[], None],
    stops: Callable[[], None],
    lost: Callable[[], None],
) -> None:
    """Serve until SIGTERM or Ctrl-C. Where the server is lost, this process begins again, and starts another.

    Args:
        home: the user's home of rlm-context.
        ready: called with the API's URL once everything is up.
        waits: called where another command's server has to end first.
        stops: called when it begins to stop.
        lost: called when the server is lost, before this process begins again.

    Raises:
        PipelineError: it is up already, or the server cannot be started.
        KeyboardInterrupt: the user stopped it; everything is down.
    """
    begun, is_stopping = beginning(), threading.Event()

    def stopping() -> None:
        is_stopping.set()
        stops()

    def again() -> NoReturn:
        if is_stopping.is_set():
            end_now()  # what this process waits to tell the server, nobody hears any more
        lost()
        begin_again(begun)

    with _alone(home), serving_api(home, waits) as url:
        # Not before: Prefect reads its settings when it is imported.
        from flows.served import Stages, serve

        server = live_server(home)
        if server is not None and server.url == url:
            threading.Thread(target=_watch, args=(home, server, again), daemon=True).start()
        serve(Stages(lambda: ready(url), stopping, again))


def _watch(home: Path, server: LocalServer, lost: Callable[[], NoReturn]) -> None:
    """Wait until the home's server is gone: sooner than by asking it, which takes three attempts."""
    while live_server(home) == server:
        time.sleep(_WATCH_SECONDS)
    lost()


def is_up(home: Path) -> bool:
    """Whether a process serves this home's deployments."""
    path = home / "prefect" / UP_LOCK
    if not path.exists():
        return False
    lock = try_lock(path, fcntl.LOCK_SH)
    if lock is not None:
        os.close(lock)
    return lock is None


@contextlib.contextmanager
def _alone(home: Path) -> Iterator[None]:
    folder = home / "prefect"
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    lock = try_lock(folder / UP_LOCK, fcntl.LOCK_EX)
    if lock is None:
        raise PipelineError("it is up already", next_command="rlm-context status")
    try:
        yield
    finally:
        os.close(lock)
