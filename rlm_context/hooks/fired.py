"""When each hook last fired, and what two installations answer at once. Standard library only.

<home>/hooks/fired/<agent>/<hook>             its time is that of the last call: all that `doctor` needs
<home>/hooks/shown/.first-<hook>-<session>    which program answered the session's last start or prompt
"""

import os
import sys
import time

from rlm_context.hooks.files import make_private, shown_folder, write_small
from rlm_context.hooks.text import session_of, text_of

TYPE_CHECKING = False  # typing's own costs an import
if TYPE_CHECKING:
    from typing import Any

ANSWERED_ONCE = ("session-start", "user-prompt-submit")
"""What these print reaches the model, which must not read it twice."""
_TWIN_SECONDS = 10.0
"""Hooks of one event run at the same time; a busy machine may keep one of them back for as long as it may take."""
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


def is_first(home: str, hook: str, event: "dict[str, Any]") -> bool:
    """Whether no other program has just answered this event: the brief comes once also where two were installed.

    Hooks with the same command are one to Claude Code, so that another one is another program's: of the plugin, of a
    repository's settings, of a second installation.

    Raises:
        OSError: that cannot be noted.
    """
    path = _first_file(home, hook, event)
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
        if abs(age) < _TWIN_SECONDS and _is_twin(before, now):
            return False
        os.ftruncate(descriptor, 0)
        os.pwrite(descriptor, now, 0)
    finally:
        os.close(descriptor)
    return True


def forget_first(home: str, event: "dict[str, Any]") -> None:
    """A session that ended may start again at once."""
    for hook in ANSWERED_ONCE:
        path = _first_file(home, hook, event)
        if path and os.path.exists(path):
            os.unlink(path)


def _is_twin(before: bytes, now: bytes) -> bool:
    """Whether two answers are to the same event, by different programs; a file just made holds none."""
    return before not in (b"", now) and before.partition(b"\n")[0] == now.partition(b"\n")[0]


def _first_file(home: str, hook: str, event: "dict[str, Any]") -> str:
    session_id = session_of(event)
    return os.path.join(shown_folder(home), f".first-{hook}-{session_id}") if session_id else ""


def _agent(event: "dict[str, Any]") -> str:
    """The agent that fired a hook: Codex calls its transcripts rollouts."""
    name = os.path.basename(text_of(event, "transcript_path"))
    return "codex" if name.startswith("rollout-") else "claude-code"
