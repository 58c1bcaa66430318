"""The project of a folder, by the name that it has now: what a compile would call it. Standard library only.

Renamed projects stand in the setting `project_aliases` and in what a team fixed in its store; the team's win. Of the
latter `compiler.team` keeps a copy on this machine.
"""

import os

from data_models.env import PREFIX, home_folder, read_config, setting
from data_models.project import project_of
from rlm_context.hooks.quick_json import loads

TYPE_CHECKING = False  # typing's own costs an import
if TYPE_CHECKING:
    from typing import Any

_VARIABLE = PREFIX + "PROJECT_ALIASES"


def project_here(folder: str) -> str:
    """The name of a folder's project.

    Raises:
        SettingsError: the configuration file cannot be used.
    """
    return renamed(project_of(folder)[0])


def renamed(project: str) -> str:
    """The name that a project has now.

    Raises:
        SettingsError: the configuration file cannot be used.
    """
    for aliases in (team_aliases(), _of_environment(), read_config().get("project_aliases")):
        if isinstance(aliases, dict) and isinstance(aliases.get(project), str):
            return str(aliases[project])
    return project


def team_aliases() -> "dict[str, Any]":
    """What the team of the configured store renamed, as far as this machine knows.

    Raises:
        SettingsError: the configuration file cannot be used.
    """
    folder = os.path.join(home_folder(), "cache", "team")
    if not os.path.isdir(folder):
        return {}
    from binascii import crc32

    store = setting("store") or os.path.join(home_folder(), "store")
    path = os.path.join(folder, f"{crc32(store.encode('utf-8', 'replace')):08x}.json")
    try:
        with open(path, "rb") as file:
            found = loads(file.read())
    except (OSError, ValueError):
        return {}  # this store renames nothing; or the copy is damaged, and the next command makes it anew
    aliases = (
        found.get("project_aliases") if isinstance(found, dict) and found.get("store") == store else None
    )
    return aliases if isinstance(aliases, dict) else {}


def _of_environment() -> object:
    """The aliases in the environment, as pydantic-settings reads them; None where it would refuse them."""
    text = os.environ.get(_VARIABLE)
    try:
        return loads(text.encode()) if text else None
    except ValueError:
        return None
