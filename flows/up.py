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
from flows.local_server import LocalServer, live_server, prefect_folder
from flows.prefect_api import serving_api
from flows.server_process import try_lock

UP_LOCK = "up.lock"
_WATCH_SECONDS = 1.0
_ASKING_SECONDS = 0.01


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

    # Watched to the last, also while what is left is told to the server.
    with _alone(home), contextlib.ExitStack() as watched, serving_api(home, waits) as url:
        # Not before: Prefect reads its settings when it is imported.
        from flows.served import Stages, serve

        server = live_server(home)
        if server is not None and server.url == url:
            watched.enter_context(_watched(home, server, again))
        serve(Stages(lambda: ready(url), stopping, again))


@contextlib.contextmanager
def _watched(home: Path, server: LocalServer, lost: Callable[[], NoReturn]) -> Iterator[None]:
    """Call `lost` in a thread once the home's server is gone during the block.

    That is sooner than by asking the server, which takes three attempts.
    """
    is_over = threading.Event()

    def watch() -> None:
        while live_server(home) == server:
            if is_over.wait(_WATCH_SECONDS):
                return
        if not is_over.is_set():
            lost()

    watching = threading.Thread(target=watch, name="watching the Prefect server")
    watching.start()
    try:
        yield
    finally:
        is_over.set()
        watching.join()


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
    path = prefect_folder(home) / UP_LOCK
    while (lock := try_lock(path, fcntl.LOCK_EX)) is None:
        if is_up(home):  # else somebody held it only to ask the same, as `status` does
            raise PipelineError("it is up already", next_command="rlm-context status")
        time.sleep(_ASKING_SECONDS)  # that is over in a moment
    try:
        yield
    finally:
        os.close(lock)
