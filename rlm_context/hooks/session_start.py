"""SessionStart: prints the brief of the folder's project, and sees to sessions that never got their end."""

# ruff: noqa: PTH109, PTH116, PTH118
import os
import time

from data_models.env import home_folder, raw_folder
from rlm_context.hooks.detach import start_worker
from rlm_context.hooks.envelope import changes, marks, whole
from rlm_context.hooks.files import names_in, read_small, shown_folder, swept_file, write_small
from rlm_context.hooks.local_brief import LocalBrief, local_brief
from rlm_context.hooks.quick_json import quoted
from rlm_context.hooks.running import killed_sessions, mark_running
from rlm_context.hooks.text import session_of, text_of

TYPE_CHECKING = False  # typing's own costs an import
if TYPE_CHECKING:
    from typing import Any

_SWEEP_SECONDS = 3600
"""A sweep that long ago is repeated also where nothing tells that something was missed."""
_ENVELOPE = '{"hookSpecificOutput":{"hookEventName":"SessionStart","additionalContext":'


def session_start(event: "dict[str, Any]") -> str:
    """What the agent is to read: JSON with the brief, or with what changed where a session goes on; "" for nothing.

    Raises:
        OSError, ValueError, KeyError, TypeError: the copy of the brief cannot be read.
    """
    home = home_folder()
    session_id = session_of(event)
    try:
        brief = local_brief(home, text_of(event, "cwd") or os.getcwd())
        text = _told(home, session_id, text_of(event, "source"), brief) if brief else ""
    finally:
        _after(home, session_id)
    return f"{_ENVELOPE}{quoted(text)}}}}}" if text else ""


def _told(home: str, session_id: str, source: str, brief: LocalBrief) -> str:
    """The brief, or only what is new since this session read it: what it read is still in its history.

    After `clear` and `compact` nothing of it is left there. A session that was started before this program was
    installed has read nothing, and gets all of it also when it is resumed.
    """
    path = os.path.join(shown_folder(home), session_id) if session_id else ""
    generation, _, seen = (
        read_small(path).decode("ascii", "replace").partition("\n") if path else ("", "", "")
    )
    before = set(seen.split())
    if source != "resume" or not generation:
        text, shown = whole(brief), marks(brief)
    elif generation == brief.generation:
        return ""
    else:
        text, shown = changes(brief, before), before | marks(brief)
    if path:
        write_small(path, "\n".join([brief.generation, *sorted(shown)]).encode())
    return text


def _after(home: str, session_id: str) -> None:
    """Mark the session as running, and start a sweep where one is due."""
    is_due = (
        bool(names_in(raw_folder(home)) or killed_sessions(home)) or _age(swept_file(home)) > _SWEEP_SECONDS
    )
    if session_id:
        mark_running(home, session_id)
    if is_due:
        start_worker(home)


def _age(path: str) -> float:
    """Seconds since a file was written; endless where there is none."""
    try:
        return time.time() - os.stat(path).st_mtime
    except FileNotFoundError:
        return float("inf")
