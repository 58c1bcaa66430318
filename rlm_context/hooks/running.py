"""Which sessions run: a mark a session, with its agent's process. Standard library only.

A mark whose process is gone is a session that was killed: it never got a SessionEnd.
"""

import os

from data_models.processes import process, runs
from rlm_context.hooks.files import names_in, read_small, running_folder, write_small

_SHELLS = ("sh", "bash", "dash", "zsh", "fish", "ksh", "ash")
"""What may stand between an agent and its hook, and end with the hook; of the plugin's hooks two."""


def mark_running(home: str, session_id: str) -> None:
    """Note that a session runs in the process that started this hook."""
    pid, started = _agent()
    write_small(os.path.join(running_folder(home), session_id), f"{pid} {started}".encode())


def unmark(home: str, session_id: str) -> None:
    """Note that a session ended, or was taken up."""
    path = os.path.join(running_folder(home), session_id)
    if os.path.exists(path):
        os.unlink(path)


def killed_sessions(home: str) -> list[str]:
    """The sessions whose agent is gone."""
    return [session for session in names_in(running_folder(home)) if not is_running(home, session)]


def is_running(home: str, session_id: str) -> bool:
    """Whether a session is marked and its agent lives."""
    words = read_small(os.path.join(running_folder(home), session_id)).decode("ascii", "replace").split(" ")
    if not words[0].isdigit():
        return False
    pid, started = int(words[0]), words[1] if len(words) > 1 else ""
    return runs(pid) and (not started or process(pid)[3] in (started, ""))


def _agent() -> tuple[int, str]:
    """The agent's process and when it started: the nearest one above us that is no shell."""
    pid = os.getppid()
    parent, name, _, started = process(pid)
    while name in _SHELLS and parent > 1:
        pid = parent
        parent, name, _, started = process(pid)
    return pid, started
