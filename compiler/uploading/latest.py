"""The session that was worked on last in a folder."""

from collections.abc import Iterable
from pathlib import Path

from data_models.errors import NotFoundError, SourceError
from data_models.project import find_repository
from transcripts.agent import SessionFiles
from transcripts.lines import first_records
from transcripts.registry import AGENTS
from transcripts.sources import default_sources, find_sessions


def own_sessions() -> list[SessionFiles]:
    """Every session of this machine's agents, the one written last first."""
    found: list[SessionFiles] = []
    for source in default_sources():
        try:
            found += find_sessions(source).sessions
        except SourceError:
            continue  # empty: an agent that was never used
    return sorted(found, key=_written, reverse=True)


def latest_session(folder: Path) -> SessionFiles:
    """The session written last of those that ran in `folder` or in the same repository.

    Raises:
        NotFoundError: there is none.
    """
    wanted = _place(str(folder))
    for files in own_sessions():
        cwd = folder_of(files)
        if cwd and _place(cwd) == wanted:
            return files
    raise NotFoundError(
        f"no agent's session on this machine ran in {folder}",
        next_command="rlm-context upload PATH, or --all for every session of this machine",
    )


def folder_of(files: SessionFiles) -> str:
    """The folder that a session ran in, as its first records say; "" where they do not."""
    agent = AGENTS[files.agent]
    folders: Iterable[str | None] = (agent.facts(record).cwd for record in first_records(files.main))
    return next(filter(None, folders), "")


def _place(folder: str) -> str:
    """The repository that a folder is in, else the folder itself."""
    return find_repository(folder) or folder


def _written(files: SessionFiles) -> float:
    try:
        return files.main.stat().st_mtime
    except OSError:
        return 0.0  # removed meanwhile
