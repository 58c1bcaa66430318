"""Whether there may be something newer of a project than what lies here. Standard library only.

A store in a folder is simply looked at. Others are asked only so often:

    <home>/hooks/looked/<project>     until when (Unix seconds) which store is not asked for this project again
"""

import json
import os
import time
from contextlib import suppress
from pathlib import Path

from rlm_context.fast_search import newest_name
from rlm_context.hooks.files import names_in, read_small, write_small
from rlm_context.hooks.here import team_aliases
from rlm_context.hooks.notes.teammates import has_newer
from store.keys import encode_name, generation_prefix, notes_prefix

AGAIN = 15.0
"""Seconds until a store that knew the project is asked again: agents that start in a burst ask once."""
UNKNOWN = 300.0
"""The same for a project that the store did not know: most folders are none of the team's."""
FAILED = 60.0
"""The same where the store gave no answer."""
_KEPT_SECONDS = 24 * 3600.0


def is_due(home: str, project: str, store: str) -> bool:
    """Whether the store has to be asked what is newest of this project.

    Args:
        home: the user's home.
        project: its name, as far as this machine knows about renamed ones.
        store: the store's address as the settings have it.

    Raises:
        OSError: a file of the home cannot be read.
        SettingsError: the configuration file cannot be used.
    """
    if _rests(_looked_file(home, project), store):
        return False
    return "://" in store or _folder_has_newer(home, project, Path(store).expanduser())


def rest(home: str, project: str, store: str, seconds: float) -> None:
    """Note that the store need not be asked about this project for so long."""
    write_small(
        _looked_file(home, project), f"{time.time() + seconds:.3f} {store}".encode("utf-8", "replace")
    )


def forget_old(home: str) -> None:
    """Remove notes that hold nobody back any more: agents may work in thousands of folders."""
    folder = _looked_folder(home)
    for name in names_in(folder):
        path = Path(folder) / name
        with suppress(FileNotFoundError):  # another process was faster
            if path.stat().st_mtime < time.time() - _KEPT_SECONDS:
                path.unlink()


def _looked_folder(home: str) -> str:
    return os.path.join(home, "hooks", "looked")


def _looked_file(home: str, project: str) -> str:
    return os.path.join(_looked_folder(home), encode_name(project))


def _rests(path: str, store: str) -> bool:
    until, _, of = read_small(path).decode("utf-8", "replace").partition(" ")
    try:
        # A note of a time when the clock was ahead holds nobody back.
        return of == store and 0 < float(until) - time.time() < UNKNOWN + 1
    except ValueError:
        return False  # no note, or a damaged one


def _folder_has_newer(home: str, project: str, store: Path) -> bool:
    """Whether a store in a folder has another newest generation than what lies here, other notes of teammates, or other
    names of projects."""
    if _fixed_aliases(store) != team_aliases():
        return True
    try:
        newest = newest_name(store / generation_prefix(project))
    except OSError:
        return False  # no generation of it, or out of reach
    here = Path(home) / "cache" / "projects" / encode_name(project)
    if newest and has_newer(str(here), str(store / notes_prefix(project))):
        return True
    return any(_noted(here / name) != newest for name in ("brief.json", "current")) if newest else False


def _fixed_aliases(store: Path) -> object:
    try:
        return json.loads((store / "store.json").read_bytes())["settings"]["project_aliases"]
    except (OSError, ValueError, KeyError, TypeError):
        return {}


def _noted(path: Path) -> str:
    try:
        return str(json.loads(path.read_bytes())["newest"])
    except (OSError, ValueError, KeyError, TypeError):
        return ""
