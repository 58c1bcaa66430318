"""What teammates work on now, from the copy on this machine. Standard library only.

    <home>/cache/projects/<project>/notes.json    what `rlm_context.hooks.notes.exchange` saw last: JSON, with
                                                  notes, own (this user's folder there), and listed (`fingerprint`)

Each of the notes has `key`, its name in the store, `author`, `session_id`, `branch`, `files` and `since` as its author
wrote them, and `at`: when the session was last active, or when this machine first saw the note if that was earlier. All
of it is hostile text: `Teammate.line` makes a clipped, printable line of it, and the envelope keeps that in its fence.
"""

import os
import time

from data_models.env import is_on
from data_models.errors import SettingsError
from rlm_context.hooks.files import read_small
from rlm_context.hooks.notes.own import LIFETIME
from rlm_context.hooks.quick_json import loads
from rlm_context.hooks.text import ago, complain, single_line, span

TYPE_CHECKING = False  # typing's own costs an import
if TYPE_CHECKING:
    from collections.abc import Iterable
    from typing import Any

COPY = "notes.json"
_MOST_AUTHOR = 40
_MOST_BRANCH = 60
_MOST_FILE = 80
_MOST_FILES = 3


class Teammate:
    """What one session of somebody else works on; `at` is when it was last active (Unix milliseconds)."""

    def __init__(self, found: "dict[str, Any]") -> None:
        """Take over an entry of the copy; raises KeyError, TypeError and ValueError where it is damaged."""
        self.author = str(found["author"])
        self.branch = str(found["branch"])
        self.files = [str(file) for file in found["files"]]
        self.since = int(found["since"])
        self.at = int(found["at"])
        self.name = f"{self.author}/{found['session_id']}"
        """What stands for it where it is noted who was shown."""

    def line(self) -> str:
        """The note as one line, clipped."""
        author = single_line(self.author, _MOST_AUTHOR) or "somebody"
        branch = single_line(self.branch, _MOST_BRANCH)
        files = [name for name in (single_line(file, _MOST_FILE) for file in self.files) if name]
        facts = [f"last active {ago(self.at)}", f"at it for {span((self.at - self.since) / 1000)}"]
        more = f" and {len(files) - _MOST_FILES} more" if len(files) > _MOST_FILES else ""
        changed = f": {', '.join(files[:_MOST_FILES])}{more}" if files else ""
        return f"- {author} ({', '.join([*facts, *([f'branch {branch}'] if branch else [])])}){changed}"


def teammates(folder: str) -> list[Teammate]:
    """Who was in the middle of something in a project during the last four hours, the latest first.

    Args:
        folder: the project's folder of copies.

    Returns:
        Nobody where the setting `notes` is off, or the copy is damaged: that is a line on stderr, and the brief comes.
    """
    data = read_small(os.path.join(folder, COPY))
    if not data:
        return []
    now = int(time.time() * 1000)
    try:
        found = [Teammate(one) for one in loads(data)["notes"]] if is_on("notes") else []
    except SettingsError:
        return []  # who reads the brief says so
    except (ValueError, KeyError, TypeError) as error:
        complain("notes", error)
        return []
    present = [one for one in found if 0 <= now - one.at < LIFETIME]
    return sorted(present, key=lambda one: -one.at)


def has_newer(folder: str, notes: str) -> bool:
    """Whether teammates left other notes in a store that is a folder than those that were last fetched.

    Args:
        folder: the project's folder of copies.
        notes: the project's folder of notes in the store.
    """
    keys = [
        os.path.relpath(os.path.join(inner, name), notes)
        for inner, _, names in os.walk(notes)
        for name in names
    ]
    data = read_small(os.path.join(folder, COPY))
    if not (keys or data) or not is_on("notes"):
        return False
    try:
        known = loads(data)
        own, listed = str(known["own"]), str(known["listed"])
    except (ValueError, KeyError, TypeError):
        return True  # never fetched, or damaged
    return listed != fingerprint(key for key in keys if not key.startswith(f"{own}/"))


def fingerprint(keys: "Iterable[str]") -> str:
    """A few digits that stand for the keys of notes, which are given from the author's folder on."""
    from binascii import crc32

    return f"{crc32(chr(10).join(sorted(keys)).encode('utf-8', 'surrogatepass')):08x}"
