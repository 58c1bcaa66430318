"""SessionStart: prints the brief of the folder's project, and sees to sessions that never got their end.

What a session has read is still in its history when it is resumed; after `clear` and `compact` nothing of it is left.
A session that was started before this program was installed has read nothing, and gets all of it also when resumed.
"""

import os
import time

from data_models.env import home_folder, raw_folder
from rlm_context.hooks.brief.local import local_brief
from rlm_context.hooks.brief.told import Told, output, read_told, told_file, write_told
from rlm_context.hooks.files import names_in, swept_file
from rlm_context.hooks.running import killed_sessions, mark_running
from rlm_context.hooks.text import complain, session_of, text_of

TYPE_CHECKING = False  # typing's own costs an import
if TYPE_CHECKING:
    from typing import Any

_SWEEP_SECONDS = 3600
"""A sweep that long ago is repeated also where nothing tells that something was missed."""


def session_start(event: "dict[str, Any]") -> str:
    """What the agent is to read: JSON with the brief, or with what changed where a session goes on; "" for nothing.

    A home that cannot be written costs a line on stderr, and not the brief.
    """
    home = home_folder()
    session_id = session_of(event)
    text = ""
    problems: list[Exception] = []
    told = Told([])
    try:
        if session_id and text_of(event, "source") == "resume":
            told = read_told(told_file(home, session_id)).resumed()
        brief = local_brief(home, text_of(event, "cwd") or os.getcwd())
        if brief:
            text, told = told.news(brief), told.after(brief)
    except (OSError, ValueError, KeyError, TypeError) as error:  # the last three: the copy is damaged
        problems.append(error)
    try:
        if session_id:
            # Also where nothing is told: `refresh` waits for it, and then tells what this did not.
            write_told(told_file(home, session_id), told)
        _after(home, session_id)
    except OSError as error:
        problems.append(error)
    if problems:
        complain("session-start", problems[0])
    return output(text)


def _after(home: str, session_id: str) -> None:
    """Mark the session as running, and start a sweep where one is due."""
    # A sweep that is dated in the future was before the clock was put back.
    is_swept = 0 <= _age(swept_file(home)) <= _SWEEP_SECONDS
    is_due = not is_swept or bool(names_in(raw_folder(home)) or killed_sessions(home))
    if session_id:
        mark_running(home, session_id)
    if is_due:
        from rlm_context.hooks.detach import start_worker  # once in an hour

        start_worker(home)


def _age(path: str) -> float:
    """Seconds since a file was written; endless where there is none."""
    try:
        return time.time() - os.stat(path).st_mtime
    except (FileNotFoundError, NotADirectoryError):
        return float("inf")
