"""SessionStart once more, while the agent goes on: fetches what is newer, and tells what the session has not read.

The host runs this beside `session-start`, waits for neither, and gives what is printed to the model with its next
request. Told is the brief where `session-start` had none, else the lines that changed. So that nothing is told twice,
this waits until `session-start` has noted what it told, and notes what it tells itself before it prints it.
"""

import fcntl
import mmap
import os
import select
import time

from data_models.env import home_folder, store_url
from rlm_context.hooks.brief.local import local_brief
from rlm_context.hooks.brief.told import Told, output, read_told, told_file, write_told
from rlm_context.hooks.detach import log_line, start_fetcher
from rlm_context.hooks.fetch.due import FAILED, is_due, rest
from rlm_context.hooks.files import make_private, shown_folder
from rlm_context.hooks.here import project_here
from rlm_context.hooks.text import described, session_of, text_of

TYPE_CHECKING = False  # as in all hooks
if TYPE_CHECKING:
    from typing import Any

_FETCH_SECONDS = 35.0
"""The longest that the store is waited for; with what follows a hook ends within 45 seconds."""
_START_SECONDS = 10.0
"""The longest that `session-start` may take, as it is registered: after that its output counts for nothing."""
_SLACK = 2.0
"""Seconds by which `session-start` of the same start may have been ahead."""


def refresh(event: "dict[str, Any]") -> str:
    """What the model is to read with its next request, as JSON; "" for nothing, also where anything goes wrong."""
    began = time.time()
    home = home_folder()
    try:
        folder = text_of(event, "cwd") or os.getcwd()
        _fetch(home, folder)
        return _news(home, folder, event, began)
    except Exception as error:  # noqa: BLE001  whatever it is: a line in the log, and nothing to the agent
        log_line(home, f"refresh: {described(error)}")
        return ""


def _fetch(home: str, folder: str) -> None:
    """Have the brief of a folder's project brought up to date, if there may be something newer."""
    name, store = project_here(folder), store_url()
    if not is_due(home, name, store):
        return
    answer = start_fetcher(home, folder)
    try:
        ended, _, _ = select.select([answer], [], [], _FETCH_SECONDS)
    finally:
        os.close(answer)
    if not ended:
        rest(home, name, store, FAILED)
        log_line(home, f"refresh: the store gave no brief within {_FETCH_SECONDS:g} s")


def _news(home: str, folder: str, event: "dict[str, Any]", began: float) -> str:
    session_id, source = session_of(event), text_of(event, "source")
    if not session_id or local_brief(home, folder) is None:
        return ""
    path = told_file(home, session_id)
    if not _has_started(path, source, began) and source == "compact":
        return ""  # what is noted is of before; `session-start` would have told all
    lock = os.open(
        os.path.join(make_private(shown_folder(home)), ".lock"), os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600
    )
    try:
        fcntl.flock(lock, fcntl.LOCK_EX)
        told = read_told(path)
        if source == "resume":
            told = _arrived(told, text_of(event, "transcript_path"), int(began - _START_SECONDS))
        brief = local_brief(home, folder)  # again: not an older one than `session-start` told
        text = told.news(brief) if brief else ""
        if brief and text:
            write_told(path, told.after(brief, int(time.time())))
    finally:
        os.close(lock)
    return output(text)


def _has_started(path: str, source: str, began: float) -> bool:
    """Wait until `session-start` has noted what it told at this start; False if it does not run.

    Args:
        path: where it notes that.
        source: why the session starts; where its id is new, any note is of this start.
        began: when this hook began, in Unix seconds.
    """
    oldest = 0.0 if source in ("startup", "clear") else began - _SLACK
    until = time.monotonic() + began + _START_SECONDS - time.time()
    while time.monotonic() < until:
        try:
            if os.stat(path).st_mtime >= oldest:
                return True
        except FileNotFoundError:
            pass
        time.sleep(0.02)
    return False


def _arrived(told: Told, transcript: str, before: int) -> Told:
    """Without what an earlier `refresh` told an agent that ended before its next request: no transcript has it."""
    try:
        with open(transcript, "rb") as file, mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as found:
            return told.arrived(lambda generation: found.find(_written(generation)) >= 0, before)
    except (OSError, ValueError):  # ValueError: it is empty
        return told


def _written(generation: str) -> bytes:
    """How the fence of a generation stands in a transcript."""
    return f'generation=\\"{int(generation.partition("-")[0])}\\"'.encode()
