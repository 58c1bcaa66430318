"""This process once more from its beginning, with the same number: how `rlm-context up` gets over a lost server.

Prefect's runner cannot: without a server it waits for ever to report that it ends. A new process image knows nothing of
that, and whoever watches the process, as systemd does, sees it go on.
"""

import contextlib
import multiprocessing
import os
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import NoReturn


@dataclass(frozen=True)
class Beginning:
    """How this process was started: the interpreter's arguments, the folder and the environment."""

    arguments: tuple[str, ...]
    folder: Path
    environment: dict[str, str]


def beginning() -> Beginning:
    """How this process was started; to be asked before anything changes folder or environment."""
    try:
        folder = Path.cwd()
    except FileNotFoundError:
        folder = Path("/")  # a removed worktree
    return Beginning(tuple(sys.orig_argv[1:]), folder, dict(os.environ))


def begin_again(begun: Beginning) -> NoReturn:
    """End all child processes, at once, and become the process that was started; from any thread."""
    _end_children()
    with contextlib.suppress(OSError):  # a worktree that was removed since: it goes on in the home's folder
        os.chdir(begun.folder)
    os.execve(sys.executable, [sys.executable, *begun.arguments], begun.environment)  # noqa: S606  our own command again, no shell


def end_now() -> NoReturn:
    """End all child processes, and this one, at once; from any thread."""
    _end_children()
    os._exit(0)


def _end_children() -> None:
    for child in multiprocessing.active_children():
        child.kill()
        child.join()
    sys.stdout.flush()
    sys.stderr.flush()
