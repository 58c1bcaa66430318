"""When each hook last fired, and a start that two hooks answer at once. Standard library only.

<home>/hooks/fired/<agent>/<event>     its time is that of the last call: all that `doctor` needs to see a dead hook
<home>/hooks/shown/.start-<session>    which program answered the session's last start, and why it started
"""

import os
import sys
import time

from rlm_context.hooks.files import make_private, shown_folder, write_small
from rlm_context.hooks.text import session_of, text_of

TYPE_CHECKING = False  # typing's own costs an import
if TYPE_CHECKING:
    from typing import Any

_SAME_START_SECONDS = 2.0
"""Hooks of one start run at the same time; a busy machine may keep one of them back."""
_LONGEST = 8192
"""Bytes of a note: a word and a path."""


def fired_folder(home: str, agent: str) -> str:
    """The stamps of one agent's hooks."""
    return os.path.join(home, "hooks", "fired", agent)


def stamp(home: str, hook: str, event: "dict[str, Any]") -> None:
    """Note that a hook fired. A home that cannot be written is said by the hook's own work, and by `doctor`."""
    path = os.path.join(fired_folder(home, _agent(event)), hook)
    try:
        os.utime(path)
    except FileNotFoundError:
        write_small(path, b"")


def is_first(home: str, event: "dict[str, Any]") -> bool:
    """Whether no other hook has just answered this start: the brief comes once also where two were installed.

    Hooks with the same command are one to Claude Code, so that another one is another program's: of the plugin, of a
    repository's settings, of a second installation.

    Raises:
        OSError: that cannot be noted.
    """
    path = _start_file(home, event)
    if not path:
        return True
    import fcntl  # after everything that can answer without it

    make_private(os.path.dirname(path))
    now = f"{text_of(event, 'source')}\n{sys.argv[0]}".encode("utf-8", "replace")
    descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX)
        age = time.time() - os.fstat(descriptor).st_mtime
        before = os.read(descriptor, _LONGEST)
        if age < _SAME_START_SECONDS and _is_twin(before, now):
            return False
        os.ftruncate(descriptor, 0)
        os.pwrite(descriptor, now, 0)
    finally:
        os.close(descriptor)
    return True


def _is_twin(before: bytes, now: bytes) -> bool:
    """Whether two answers are to the same start, by different programs."""
    return before != now and before.partition(b"\n")[0] == now.partition(b"\n")[0] != b""


def forget_start(home: str, event: "dict[str, Any]") -> None:
    """A session that ended may start again at once."""
    path = _start_file(home, event)
    if path and os.path.exists(path):
        os.unlink(path)


def _start_file(home: str, event: "dict[str, Any]") -> str:
    session_id = session_of(event)
    return os.path.join(shown_folder(home), f".start-{session_id}") if session_id else ""


def _agent(event: "dict[str, Any]") -> str:
    """The agent that fired a hook: Codex calls its transcripts rollouts."""
    name = os.path.basename(text_of(event, "transcript_path"))
    return "codex" if name.startswith("rollout-") else "claude-code"
