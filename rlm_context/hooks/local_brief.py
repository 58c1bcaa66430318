"""The brief of a folder's project from the copy on this machine. Standard library only.

`compiler.local_copy` makes the copies and says their layout.
"""

import os
import sys

from data_models.errors import SettingsError
from data_models.project import project_of
from rlm_context.hooks.quick_json import loads

TYPE_CHECKING = False  # typing's own costs an import
if TYPE_CHECKING:
    from typing import Any


class LocalBrief:
    """One project's newest generation on this machine.

    `number` is the generation's, `created` when it was published (Unix milliseconds), `sessions` how many it holds.
    """

    def __init__(self, folder: str, current: "dict[str, Any]") -> None:
        self.project = str(current["project"])
        self.generation = str(current["generation"])
        self.number = int(self.generation.partition("-")[0])
        home = os.path.join(folder, self.generation)
        with open(os.path.join(home, "brief.md"), encoding="utf-8") as file:
            self.text = file.read()
        with open(os.path.join(home, "manifest.json"), "rb") as file:
            manifest = loads(file.read())
        self.created = int(manifest["created"])
        self.sessions = int(manifest["counts"]["sessions"])


def local_brief(home: str, cwd: str) -> LocalBrief | None:
    """The brief of the project that `cwd` belongs to; None where nothing of it is on this machine.

    Raises:
        OSError, ValueError, KeyError, TypeError: the copy is damaged.
    """
    project = _alias(project_of(cwd)[0])
    folder = os.path.join(home, "cache", "projects")
    # Most names are written plainly (`store.keys.encode_name`); only for the others all copies are looked at.
    names = (
        [project.replace("/", "~")] if os.path.isdir(os.path.join(folder, project.replace("/", "~"))) else []
    )
    for name in names or _names(folder):
        current = _current(os.path.join(folder, name))
        if current.get("project") == project:
            return LocalBrief(os.path.join(folder, name), current)
    return None


def _names(folder: str) -> list[str]:
    try:
        return sorted(os.listdir(folder))
    except FileNotFoundError:
        return []


def _current(folder: str) -> "dict[str, Any]":
    try:
        with open(os.path.join(folder, "current"), "rb") as file:
            found = loads(file.read())
    except OSError:
        return {}  # never completed
    return found if isinstance(found, dict) else {}


def _alias(project: str) -> str:
    """The project's new name where the settings rename it."""
    from data_models.env import PREFIX, read_config

    try:
        found = os.environ.get(PREFIX + "PROJECT_ALIASES")
        aliases = loads(found.encode()) if found else read_config().get("project_aliases", {})
        return str(aliases.get(project, project))
    except SettingsError as error:  # the brief is worth more than the alias
        print(f"rlm-context: {error.message}. Next: {error.next_command}", file=sys.stderr)
    return project
