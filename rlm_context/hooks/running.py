"""Which sessions run: a mark a session, with its agent's process. Standard library only.

A mark whose process is gone is a session that was killed: it never got a SessionEnd.
"""

import os

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
    try:
        os.kill(pid, 0)
    except (ProcessLookupError, OverflowError):
        return False
    except PermissionError:
        pass  # somebody's process of that number lives
    return not started or _process(pid)[2] in (started, "")


def _agent() -> tuple[int, str]:
    """The agent's process and when it started: the nearest one above us that is no shell."""
    pid = os.getppid()
    parent, name, started = _process(pid)
    while name in _SHELLS and parent > 1:
        pid = parent
        parent, name, started = _process(pid)
    return pid, started


def _process(pid: int) -> tuple[int, str, str]:
    """Parent, name and start of a process, as /proc tells them (proc(5), stat); (0, "", "") where it does not."""
    try:
        with open(f"/proc/{pid}/stat", encoding="utf-8", errors="replace") as file:
            head, _, tail = file.read().rpartition(") ")
    except OSError:
        return 0, "", ""
    fields = tail.split(" ")
    return int(fields[1]), head.partition("(")[2], fields[19]
