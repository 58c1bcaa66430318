"""The notes of this machine's sessions, before they leave it. Standard library only.

    <home>/hooks/notes/<session id>    JSON: cwd, branch, files, since, last, offset

`cwd` is the folder that the session was in when it was first noted, `files` are paths below its repository, the one
touched last first, `since` and `last` Unix milliseconds, and `offset` says how far its transcript was read.
"""

import os

from rlm_context.hooks.files import read_small, write_small
from rlm_context.hooks.quick_json import loads, quoted

TYPE_CHECKING = False  # typing's own costs an import
if TYPE_CHECKING:
    from typing import Any


LIFETIME = 4 * 3600 * 1000
"""Milliseconds after a session's last activity for which its note says what somebody is doing."""


class OwnNote:
    """What a session of this machine works on."""

    def __init__(self, found: "dict[str, Any]") -> None:
        """Take over what a note's file holds; raises KeyError, TypeError and ValueError where it is damaged."""
        self.cwd = str(found["cwd"])
        self.branch = str(found["branch"])
        self.files = [str(file) for file in found["files"]]
        self.since = int(found["since"])
        self.last = int(found["last"])
        self.offset = int(found["offset"])


def notes_folder(home: str) -> str:
    """Where the notes are."""
    return os.path.join(home, "hooks", "notes")


def exchanged_file(home: str) -> str:
    """Its time is when a worker was last started for notes."""
    return os.path.join(home, "hooks", "notes-told")


def read_own(home: str, session_id: str) -> OwnNote | None:
    """The note of a session; None where there is none, or a damaged one, which the next one replaces."""
    try:
        return OwnNote(loads(read_small(os.path.join(notes_folder(home), session_id))))
    except (KeyError, TypeError, ValueError):
        return None


def write_own(home: str, session_id: str, note: OwnNote) -> None:
    """Replace the note of a session."""
    files = ",".join(map(quoted, note.files))
    text = (
        f'{{"cwd":{quoted(note.cwd)},"branch":{quoted(note.branch)},"files":[{files}],'
        f'"since":{note.since},"last":{note.last},"offset":{note.offset}}}'
    )
    write_small(os.path.join(notes_folder(home), session_id), text.encode("utf-8", "replace"))


def remove_own(home: str, session_id: str) -> None:
    """Remove the note of a session, if it has one."""
    path = os.path.join(notes_folder(home), session_id)
    if os.path.exists(path):
        os.unlink(path)
