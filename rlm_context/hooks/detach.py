"""Starts what outlives the hook, the agent and the terminal. Standard library only."""

import os
import sys
import time

from data_models.env import worker_log
from rlm_context.hooks.files import make_private

TYPE_CHECKING = False  # typing's own costs an import
if TYPE_CHECKING:
    from collections.abc import Callable

_LOG_BYTES = 1 << 20


def start_worker(home: str, module: str = "rlm_context.hooks.worker.process") -> None:
    """Leave a worker behind, the process of this module. It ends at once where another one works on this home."""
    _leave_behind(lambda: _become_worker(home, module))


def start_fetcher(home: str, folder: str) -> int:
    """Leave a process behind that fetches what is newer of a folder's project (`rlm_context.hooks.fetch.process`).

    Returns:
        The reading end of a pipe that ends once the brief is here, or cannot be had.
    """
    answer, end = os.pipe()
    try:
        _leave_behind(lambda: _become_worker(home, "rlm_context.hooks.fetch.process", folder, output=end))
    finally:
        os.close(end)
    return answer


def _leave_behind(become: "Callable[[], None]") -> None:
    """Call what replaces a process, in one that is nobody's child.

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
        become()
    finally:
        os._exit(1)


def _become_worker(home: str, module: str, *arguments: str, output: int | None = None) -> None:
    """Replace this process by a module of ours, in the home; what it says goes to the workers' log."""
    from rlm_context.own_packages import prefer_own_packages  # not in the hook's own process

    log = open_log(home)
    nothing = os.open(os.devnull, os.O_RDONLY)
    for source, target in ((nothing, 0), (log if output is None else output, 1), (log, 2)):
        os.dup2(source, target)
    os.closerange(3, 64)
    os.chdir(home)
    prefer_own_packages()
    # -P: the folder that an agent works in may be anyone's checkout, and nothing is imported from there.
    os.execv(sys.executable, [sys.executable, "-P", "-m", module, *arguments])  # noqa: S606  no shell is wanted


def open_log(home: str) -> int:
    """The workers' log, open for appending; one that has grown large is set aside first."""
    path = worker_log(home)
    make_private(os.path.dirname(path))
    if os.path.exists(path) and os.path.getsize(path) > _LOG_BYTES:
        os.replace(path, f"{path}.1")
    return os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)


def log_line(home: str, text: str) -> None:
    """Add a line to the workers' log, which holds numbers and names, and no content."""
    log = open_log(home)
    try:
        os.write(
            log, f"{time.strftime('%Y-%m-%dT%H:%M:%SZ', time.gmtime())} {text}\n".encode("utf-8", "replace")
        )
    finally:
        os.close(log)
