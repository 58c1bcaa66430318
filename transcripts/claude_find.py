"""Where Claude Code keeps sessions: `projects/<slug>/<session id>.jsonl`, with parts in a folder beside it.

Only files directly in a slug folder are sessions. `<session id>/subagents/**/agent-<id>.jsonl` and
`<session id>/tool-results/*` are parts of the session, and so are the `agent-<id>.jsonl` that some versions
of 2.0 wrote into the slug folder itself.
"""

import re
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import msgspec

from data_models.events import Reject
from transcripts.agent import Agent, Found, Part, SessionFiles
from transcripts.lines import UNREADABLE, first_records, read_lines

_SLUG = re.compile(r"-|[A-Za-z]--")
_AGENT_FILE = re.compile(r"agent-(.+)\Z")
# A session's id becomes part of names in the store; what a file says of itself is not trusted.
_USABLE_ID = re.compile(r"[0-9A-Za-z][0-9A-Za-z_-]{0,99}")
_FIRST_LOOK = 64 * 1024
_SECOND_LOOK = 8 * 1024 * 1024
# Beside sessions, and no transcripts.
_HOST_FILES = frozenset({"sessions-index.json"})


class _Ids(msgspec.Struct):
    sessionId: str | None = None


_IDS = msgspec.json.Decoder(_Ids)


def is_projects_folder(folder: Path) -> bool:
    """Whether a folder holds slug folders: named `projects`, or with children named like a path's slug."""
    if not folder.is_dir():
        return False
    return folder.name == "projects" or any(
        _SLUG.match(child.name) and child.is_dir() and any(child.glob("*.jsonl"))
        for child in folder.iterdir()
    )


def find_projects(folder: Path, agent: Agent) -> Found:
    """The sessions of every slug folder in a `projects` folder."""
    sessions: list[SessionFiles] = []
    skipped: list[Reject] = []
    for slug in sorted(folder.iterdir()):
        if not slug.is_dir():
            skipped.extend(not_sessions([slug]))
            continue
        try:
            found = find_slug(slug, agent)
            skipped.extend(found.skipped if found else not_sessions(slug.iterdir()))
            sessions.extend(found.sessions if found else ())
        except OSError as error:
            skipped.append(Reject(str(slug), 0, error.strerror or "cannot be read"))
    return Found(tuple(sessions), tuple(skipped))


def find_slug(folder: Path, agent: Agent) -> Found | None:
    """The sessions directly in a folder; None where no file in it is a transcript."""
    sessions: list[SessionFiles] = []
    others: list[Path] = []
    strays: list[Path] = []
    for path in sorted(folder.iterdir()):
        if path.suffix == ".jsonl" and _AGENT_FILE.match(path.stem):
            strays.append(path)
        elif path.suffix == ".jsonl" and is_transcript(path, agent):
            sessions.append(session_of(path, agent))
        elif path.is_file():
            others.append(path)
    if not sessions:
        return None
    sessions, homeless = _with_strays(sessions, strays)
    skipped = [*not_sessions(others), *homeless, *_orphans(folder, sessions)]
    return Found(tuple(sessions), tuple(skipped))


def not_sessions(paths: Iterator[Path] | list[Path]) -> list[Reject]:
    """A reject for each JSON file that is no transcript; files of other kinds are nobody's concern."""
    return [
        Reject(str(path), 0, _why_not(path))
        for path in sorted(paths)
        if path.suffix in (".jsonl", ".json") and path.name not in _HOST_FILES and not path.is_dir()
    ]


def _why_not(path: Path) -> str:
    if path.is_symlink():
        return "a link, not a file"
    if not path.is_file():
        return "not a regular file"
    try:
        with path.open("rb") as file:
            empty = not file.read(1)
    except OSError as error:
        return error.strerror or "cannot be read"
    return "empty" if empty else "not a transcript"


def is_transcript(path: Path, agent: Agent) -> bool:
    """Whether a regular file has a record of the agent among its first ones."""
    if path.is_symlink() or not path.is_file():
        return False
    return any(
        agent.recognises(record)
        for limit in (_FIRST_LOOK, _SECOND_LOOK)
        for record in first_records(path, limit)
    )


def session_of(path: Path, agent: Agent) -> SessionFiles:
    """A session's files: its main file, and the parts in the folder named like it."""
    return SessionFiles(
        agent=agent.name,
        session_id=agent.session_id(path) or _most_frequent_id(path) or path.stem,
        author="",
        main=path,
        parts=tuple(_parts(path.with_suffix(""))),
    )


def _parts(folder: Path) -> Iterator[Part]:
    subagents, results = folder / "subagents", folder / "tool-results"
    if subagents.is_dir():
        for path in sorted(subagents.rglob("agent-*.jsonl")):
            if path.is_file() and not path.is_symlink():
                yield Part(path.stem.removeprefix("agent-"), path, "subagent")
    if results.is_dir():
        for path in sorted(results.iterdir()):
            if path.is_file() and not path.is_symlink():
                yield Part(path.name, path, "tool-result")


def _most_frequent_id(path: Path) -> str | None:
    """The session id that most records name: copies of a forked session's records may name another."""
    seen: Counter[str] = Counter()
    for line in read_lines(path):
        if line.content is None:
            continue
        try:
            found = _IDS.decode(line.content).sessionId
        except UNREADABLE:
            continue
        if found and _USABLE_ID.fullmatch(found):
            seen[found] += 1
    return seen.most_common(1)[0][0] if seen else None


def _with_strays(sessions: list[SessionFiles], strays: list[Path]) -> tuple[list[SessionFiles], list[Reject]]:
    """Sessions with the subagent files that lie beside them; those without a session are rejects."""
    by_id = {session.session_id: session for session in sessions}
    homeless: list[Reject] = []
    for path in strays:
        owner = by_id.get(_owner(path))
        if owner is None:
            homeless.append(Reject(str(path), 0, "a subagent's file whose session is not here"))
            continue
        part = Part(path.stem.removeprefix("agent-"), path, "subagent")
        by_id[owner.session_id] = msgspec.structs.replace(owner, parts=(*owner.parts, part))
    return [by_id[session.session_id] for session in sessions], homeless


def _owner(path: Path) -> str:
    ids = (record.get("sessionId") for record in first_records(path, _FIRST_LOOK))
    return next((found for found in ids if isinstance(found, str)), "")


def _orphans(folder: Path, sessions: list[SessionFiles]) -> Iterator[Reject]:
    stems = {session.main.stem for session in sessions}
    for child in sorted(folder.iterdir()):
        if child.is_dir() and child.name not in stems and (child / "subagents").is_dir():
            yield Reject(str(child), 0, "subagents' files whose session is not here")
