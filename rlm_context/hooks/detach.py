"""Starts the worker so that it outlives the hook, the agent and the terminal. Standard library only."""

import os
import sys

from data_models.env import worker_log
from rlm_context.hooks.files import make_private

_LOG_BYTES = 1 << 20


def start_worker(home: str) -> None:
    """Leave a worker behind. It ends at once where another one works on this home.

    Two forks: a host that ends a hook which hangs ends its children too, but not what was handed to init.
    """
    pid = os.fork()
    if pid:
        os.waitpid(pid, 0)
        return
    try:
        os.setsid()
        if os.fork():
            os._exit(0)
        _become_worker(home)
    finally:
        os._exit(1)


def _become_worker(home: str) -> None:
    log = open_log(home)
    nothing = os.open(os.devnull, os.O_RDONLY)
    for source, target in ((nothing, 0), (log, 1), (log, 2)):
        os.dup2(source, target)
    os.closerange(3, 64)
    os.chdir(home)
    # -P: the folder that an agent works in may be anyone's checkout, and nothing is imported from there.
    os.execv(sys.executable, [sys.executable, "-P", "-m", "rlm_context.hooks.worker"])  # noqa: S606  no shell is wanted


def open_log(home: str) -> int:
    """The workers' log, open for appending; one that has grown large is set aside first."""
    path = worker_log(home)
    make_private(os.path.dirname(path))
    if os.path.exists(path) and os.path.getsize(path) > _LOG_BYTES:
        os.replace(path, f"{path}.1")
    return os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
