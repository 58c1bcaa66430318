"""From a path that a user names to the sessions in it."""

from collections.abc import Iterator, Sequence
from pathlib import Path

import msgspec

from data_models.errors import SourceError
from data_models.events import Reject
from transcripts.agent import Found, SessionFiles
from transcripts.claude_find import is_transcript, not_sessions, session_of
from transcripts.registry import AGENTS

_DEPTH = 2
"""Folders of folders are looked into this deep: a source may hold a folder of authors."""

_HOSTS = frozenset({"claude", "codex", "gemini"})
"""Agents' own folders (`.claude`, `codex`, …) name nobody: the author is the folder that they lie in."""


def default_sources() -> list[Path]:
    """The folders of all agents that exist on this machine."""
    return [folder for agent in AGENTS.values() for folder in agent.default_folders() if folder.is_dir()]


def find_sessions(source: Path) -> Found:
    """The sessions in a source, and the files that look like sessions and are none.

    Args:
        source: a Claude configuration folder, a `projects` folder, a slug folder with transcripts in it, one
            transcript, a Codex home or `sessions` folder, a Gemini CLI `.gemini` or `tmp` folder, or a folder of such
            folders, one per author (the author is then the folder's name, else "").

    Raises:
        SourceError: the source is missing, empty or unreadable.
    """
    try:
        if not source.exists():
            raise SourceError(f"{source} does not exist", next_command="rlm-context doctor")
        found = _in_folder(source, _DEPTH) if source.is_dir() else _one_file(source)
        if not found.sessions and not found.skipped and not _holds_a_file(source):
            raise SourceError(f"{source} is empty", next_command="rlm-context doctor")
    except OSError as error:
        reason = error.strerror or "cannot be read"
        raise SourceError(f"{source}: {reason}", next_command=f"ls -ld {source}") from error
    return _without_twins(found)


def find_all_sessions(sources: Sequence[Path]) -> Found:
    """The sessions in several sources, each file once.

    Raises:
        SourceError: a source is missing, empty or unreadable, or there is no session in any of them.
    """
    sessions: dict[Path, SessionFiles] = {}
    skipped: list[Reject] = []
    for source in sources:
        here = find_sessions(source)
        skipped += here.skipped
        sessions |= {files.main: files for files in here.sessions}
    if not sessions:
        places = ", ".join(map(str, sources))
        raise SourceError(
            f"no sessions found in {places}", next_command=f"rlm-context doctor --source {sources[0]}"
        )
    return Found(tuple(sessions.values()), tuple(skipped))


def _holds_a_file(source: Path) -> bool:
    return source.is_file() or any(path.is_file() for path in source.rglob("*"))


def _one_file(path: Path) -> Found:
    for agent in AGENTS.values():
        if path.suffix == ".jsonl" and is_transcript(path, agent):
            return Found((session_of(path, agent),))
    return Found(skipped=tuple(not_sessions([path]) or [Reject(str(path), 0, "not a .jsonl file")]))


def _in_folder(folder: Path, depth: int) -> Found:
    layouts = [found for agent in AGENTS.values() if (found := agent.find(folder))]
    if layouts:
        return _joined(layouts)
    parts = [Found(skipped=tuple(not_sessions(folder.iterdir())))]
    if depth:
        parts.extend(_below(folder, depth))
    return _joined(parts)


def _below(folder: Path, depth: int) -> Iterator[Found]:
    for child in sorted(folder.iterdir()):
        if child.is_symlink() or not child.is_dir() or child.name in (".git", "node_modules"):
            continue
        try:
            found = _in_folder(child, depth - 1)
            yield found if child.name.lstrip(".") in _HOSTS else _by_author(found, child.name)
        except OSError as error:
            yield Found(skipped=(Reject(str(child), 0, error.strerror or "cannot be read"),))


def _by_author(found: Found, author: str) -> Found:
    sessions = (
        session if session.author else msgspec.structs.replace(session, author=author)
        for session in found.sessions
    )
    return Found(tuple(sessions), found.skipped)


def _joined(parts: list[Found]) -> Found:
    return Found(
        tuple(session for part in parts for session in part.sessions),
        tuple(reject for part in parts for reject in part.skipped),
    )


def _without_twins(found: Found) -> Found:
    """One file for each author and session id, the largest: a store keeps sessions by id."""
    best: dict[tuple[str, str, str], SessionFiles] = {}
    skipped = list(found.skipped)
    for session in found.sessions:
        key = (session.author, session.agent, session.session_id)
        kept = best.setdefault(key, session)
        if kept is not session:
            small, large = sorted((kept, session), key=lambda files: files.main.stat().st_size)
            best[key] = large
            skipped.append(Reject(str(small.main), 0, f"the same session as {large.main}"))
    return Found(tuple(best.values()), tuple(skipped))
