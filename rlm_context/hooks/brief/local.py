"""The brief of a folder's project from the copy on this machine. Standard library only.

`compiler.local_copy` makes the copies and says their layout.
"""

import os
import sys

from data_models.errors import SettingsError
from data_models.project import project_of
from rlm_context.hooks.here import project_here
from rlm_context.hooks.quick_json import loads

TYPE_CHECKING = False  # typing's own costs an import
if TYPE_CHECKING:
    from collections.abc import Sequence

    from rlm_context.hooks.notes.teammates import Teammate

_BRIEF = "brief.json"


class LocalBrief:
    """The brief of one project's newest generation.

    `generation` is its number and nonce, `newest` the newest name that the store listed when it was fetched (of a
    generation that may be damaged), `created` when it was published (Unix milliseconds), `sessions` how many it holds,
    and `at_work` who is in the middle of something in the project now.
    """

    at_work: "Sequence[Teammate]" = ()

    def __init__(self, folder: str) -> None:
        with open(os.path.join(folder, _BRIEF), "rb") as file:
            found = loads(file.read())
        self.project = str(found["project"])
        self.generation = str(found["generation"])
        self.newest = str(found["newest"])
        self.number = int(self.generation.partition("-")[0])
        self.text = str(found["text"])
        self.created = int(found["created"])
        self.sessions = int(found["sessions"])
        if os.path.exists(os.path.join(folder, "notes.json")):
            from rlm_context.hooks.notes.teammates import teammates  # only who has any pays for it

            self.at_work = teammates(folder)


def local_brief(home: str, cwd: str) -> LocalBrief | None:
    """The brief of the project that `cwd` belongs to; None where nothing of it is on this machine.

    Raises:
        OSError, ValueError, KeyError, TypeError: the copy is damaged.
    """
    project = name_here(cwd)
    folder = os.path.join(home, "cache", "projects")
    # Most names are written as they are; only for the others (`store.keys.encode_name`) all copies are looked at.
    plain = os.path.join(folder, _plainly(project))
    if os.path.isdir(plain):
        return _brief_of(project, plain)
    damage: Exception | None = None
    for place in _places(folder):
        try:
            if brief := _brief_of(project, place):
                return brief
        except (OSError, ValueError, KeyError, TypeError) as error:
            damage = error  # perhaps another project's: that shall not cost this one its brief
    if damage:
        raise damage
    return None


def _brief_of(project: str, place: str) -> LocalBrief | None:
    """The brief in a folder if it is this project's."""
    try:
        brief = LocalBrief(place)
    except FileNotFoundError:
        return None  # never completed
    return brief if brief.project == project else None


def name_here(cwd: str) -> str:
    """The name of a folder's project; its old one, and a line on stderr, where the settings cannot be read."""
    try:
        return project_here(cwd)
    except SettingsError as error:  # the brief is worth more than the new name
        print(f"rlm-context: {error.message}. Next: {error.next_command}", file=sys.stderr)
        return project_of(cwd)[0]


def _plainly(project: str) -> str:
    capitals = "".join(f"!{char.lower()}" if "A" <= char <= "Z" else char for char in project)
    return capitals.replace("/", "~")


def _places(folder: str) -> list[str]:
    try:
        return [os.path.join(folder, name) for name in sorted(os.listdir(folder))]
    except FileNotFoundError:
        return []
