"""`rlm-context up`: a Prefect server for the home, its UI, and the deployments served on this machine."""

import contextlib
import fcntl
import os
from collections.abc import Callable, Iterator
from pathlib import Path

from data_models.errors import PipelineError
from flows.local_server import serving_api
from flows.server_process import try_lock

UP_LOCK = "up.lock"


def up(home: Path, *, ready: Callable[[str], None], waits: Callable[[], None]) -> None:
    """Serve until SIGTERM or Ctrl-C.

    Args:
        home: the user's home of rlm-context.
        ready: called with the UI's URL once everything is up.
        waits: called where another command's server has to end first.

    Raises:
        PipelineError: it is up already, or the server cannot be started.
        KeyboardInterrupt: the user stopped it; everything is down.
    """
    with _alone(home), serving_api(home, waits) as url:
        # Not before: Prefect reads its settings when it is imported.
        from flows.served import serve

        serve(lambda: ready(url.removesuffix("/api")))


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
