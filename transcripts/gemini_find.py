"""Where Gemini CLI keeps sessions: `tmp/<project>/chats/session-<time>-<8 digits>.jsonl` in its folder `.gemini`.

The file's first record holds the whole id. What a subagent did is in `chats/<session id>/<subagent id>.jsonl`.
Before it wrote lines, it wrote one document a session, `session-….json`; resuming such a session rewrites it.
"""

import re
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

from data_models.events import Reject
from transcripts.agent import Found, Part, SessionFiles
from transcripts.lines import first_records

_ROOT_MARK = ".project_root"
_SESSION = "session-"
# A session's id becomes part of names in the store; what a file says of itself is not trusted.
_USABLE_ID = re.compile(r"[0-9A-Za-z][0-9A-Za-z_-]{0,99}")
_FIRST_LOOK = 1 << 20

Recognises = Callable[[Mapping[str, Any]], bool]


def chats_folders(folder: Path) -> list[Path] | None:
    """The folders of sessions in a `.gemini`, `tmp`, project's or `chats` folder; None where it is none of these."""
    if folder.name == "chats" and any(folder.glob(f"{_SESSION}*.json*")):
        return [folder]
    for candidate in (folder, folder / "tmp"):
        if (candidate / _ROOT_MARK).is_file():
            return [candidate / "chats"]
        projects = sorted(path.parent for path in candidate.glob(f"*/{_ROOT_MARK}"))
        if projects and candidate.name == "tmp":
            return [project / "chats" for project in projects]
    return None


def find_chats(folder: Path, agent: str, recognises: Recognises) -> Found:
    """The sessions of one `chats` folder, which need not exist."""
    sessions: dict[str, SessionFiles] = {}
    skipped: list[Reject] = []
    for path in sorted(folder.glob(f"{_SESSION}*.json*")):
        session = _session_id(path)
        if reason := _why_not(path, session, recognises):
            skipped.append(Reject(str(path), 0, reason))
        elif session in sessions:
            skipped.append(Reject(str(path), 0, f"the same session as {sessions[session].main}"))
        elif session is not None:
            sessions[session] = SessionFiles(agent, session, "", path, tuple(_subagents(folder / session)))
    return Found(tuple(sessions.values()), (*skipped, *_homeless(folder, sessions)))


def _why_not(path: Path, session: str | None, recognises: Recognises) -> str | None:
    if path.suffix == ".json":
        return "written by an older Gemini CLI, as one document; resuming the session rewrites it"
    if path.suffix != ".jsonl":
        return "a copy that Gemini CLI set aside"
    if path.is_symlink() or not path.is_file():
        return "not a regular file"
    if session is None:
        return "no Gemini CLI session in it, or not readable"
    # Resuming leaves a second file of the same id behind, with no word in it.
    if path.stat().st_size < _FIRST_LOOK and not any(map(recognises, first_records(path, _FIRST_LOOK))):
        return "a session that was closed before anything was said"
    return None


def _session_id(path: Path) -> str | None:
    for record in first_records(path, _FIRST_LOOK) if path.suffix == ".jsonl" else ():
        session = record.get("sessionId")
        if isinstance(session, str) and "projectHash" in record and _USABLE_ID.fullmatch(session):
            return session
    return None


def _subagents(folder: Path) -> Iterator[Part]:
    for path in sorted(folder.glob("*.jsonl")):
        if path.is_file() and not path.is_symlink():
            yield Part(path.stem, path, "subagent")


def _homeless(folder: Path, sessions: Mapping[str, SessionFiles]) -> Iterator[Reject]:
    for path in sorted(folder.glob("*/*.jsonl")):
        if path.parent.name not in sessions:
            yield Reject(str(path), 0, "a subagent's file whose session is not here")
