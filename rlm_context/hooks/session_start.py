"""SessionStart: prints the brief of the folder's project, and sees to sessions that never got their end."""

import os
import time

from data_models.env import home_folder, raw_folder
from rlm_context.hooks.detach import start_worker
from rlm_context.hooks.envelope import changes, marks, whole
from rlm_context.hooks.files import names_in, read_small, shown_folder, swept_file, write_small
from rlm_context.hooks.local_brief import LocalBrief, local_brief
from rlm_context.hooks.quick_json import quoted
from rlm_context.hooks.running import killed_sessions, mark_running
from rlm_context.hooks.text import complain, session_of, text_of

TYPE_CHECKING = False  # typing's own costs an import
if TYPE_CHECKING:
    from typing import Any

_SWEEP_SECONDS = 3600
"""A sweep that long ago is repeated also where nothing tells that something was missed."""
_ENVELOPE = '{"hookSpecificOutput":{"hookEventName":"SessionStart","additionalContext":'


def session_start(event: "dict[str, Any]") -> str:
    """What the agent is to read: JSON with the brief, or with what changed where a session goes on; "" for nothing.

    A home that cannot be written costs a line on stderr, and not the brief.
    """
    home = home_folder()
    session_id = session_of(event)
    seen = os.path.join(shown_folder(home), session_id) if session_id else ""
    text = ""
    problems: list[Exception] = []
    try:
        brief = local_brief(home, text_of(event, "cwd") or os.getcwd())
        if brief:
            text, shown = _told(seen, text_of(event, "source"), brief)
            if text and seen:
                write_small(seen, "\n".join([brief.generation, *sorted(shown)]).encode())
    except (OSError, ValueError, KeyError, TypeError) as error:  # the last three: the copy is damaged
        problems.append(error)
    try:
        _after(home, session_id)
    except OSError as error:
        problems.append(error)
    if problems:
        complain("session-start", problems[0])
    return f"{_ENVELOPE}{quoted(text)}}}}}" if text else ""


def _told(path: str, source: str, brief: LocalBrief) -> tuple[str, set[str]]:
    """The brief, or only what is new since this session read it, and the marks of all lines that it has read then.

    What it read is still in its history; after `clear` and `compact` nothing of it is left there. A session that
    was started before this program was installed has read nothing, and gets all of it also when it is resumed.

    Args:
        path: where it is noted what the session has read; "" for nowhere.
        source: why the session starts, as the agent says it.
        brief: the newest brief here.
    """
    generation, _, seen = (
        read_small(path).decode("ascii", "replace").partition("\n") if path else ("", "", "")
    )
    if source != "resume" or not generation:
        return whole(brief), marks(brief)
    before = set(seen.split())
    return ("" if generation == brief.generation else changes(brief, before)), before | marks(brief)


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
    except (FileNotFoundError, NotADirectoryError):
        return float("inf")
