"""Finding projects and sessions for the commands that read."""

from pathlib import Path

from compiler.citations import digits_of, resolve
from compiler.local_copy import Copy, refresh
from compiler.runtime import Runtime
from data_models.errors import NotFoundError, StoreError
from data_models.records import CatalogEntry
from rlm_context.hooks.here import project_here
from rlm_context.names import match_project
from store.generations import history
from store.receipts import projects

COMPILE = "rlm-context compile"
_MOST_NAMES = 3


def chosen_projects(runtime: Runtime, wanted: str | None) -> list[str]:
    """The projects a command is about: the one named, else the current folder's if known, else all.

    Raises:
        NotFoundError: the store holds none, or none of that name.
    """
    known = projects(runtime.store)
    if not known:
        raise NotFoundError("nothing has been compiled yet", next_command=COMPILE)
    if wanted:
        return [match_project(wanted, known)]
    here = project_here(str(Path.cwd()))
    return [here] if here in known else known


def copies(runtime: Runtime, wanted: str | None) -> list[Copy]:
    """The local copies of these projects, brought up to date; those never compiled are left out.

    Raises:
        NotFoundError: there is none.
        StoreError: a project's generations are all damaged.
    """
    names = chosen_projects(runtime, wanted)
    found = [copy for name in names if (copy := refresh(runtime, name)) is not None]
    if found:
        return found
    if any(history(runtime.store, name) != ([], []) for name in names):
        raise StoreError(f"what was compiled of {_listed(names)} is damaged", next_command=COMPILE)
    raise NotFoundError(f"{_listed(names)}: uploaded, but not compiled yet", next_command=COMPILE)


def find_session(found: list[Copy], wanted: str) -> tuple[Copy, CatalogEntry]:
    """The session that an id, or the digits that a citation shows, means.

    Raises:
        NotFoundError: none or several.
    """
    digits = digits_of(wanted)
    entries = [(copy, entry) for copy in found for entry in copy.sessions()]
    ids = resolve(digits, {entry.session_id for _, entry in entries})
    matching = [(copy, entry) for copy, entry in entries if entry.session_id in ids]
    if not matching:
        raise NotFoundError(f"no session {digits} here", next_command="rlm-context sessions")
    if len({entry.session_id for _, entry in matching}) > 1:
        raise NotFoundError(f"{digits} could be {', '.join(ids)}", next_command="give more digits")
    return matching[-1]


def _listed(names: list[str]) -> str:
    shown = ", ".join(names[:_MOST_NAMES])
    return shown if len(names) <= _MOST_NAMES else f"{shown} and {len(names) - _MOST_NAMES} more"
