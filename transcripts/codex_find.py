"""Where Codex keeps sessions: one rollout file each, by day; a spawned agent's belongs to its root's."""

import re
from pathlib import Path
from typing import Any

from data_models.events import Reject
from transcripts.agent import Found, Part, SessionFiles
from transcripts.lines import first_records

_YEAR = re.compile(r"(?:19|20)\d\d\Z")
_MOST_SILENT = 1 << 19
"""Bytes: far above what Codex says of a session, and below what is looked at here."""
_ROLLOUT = re.compile(r"rollout-.*?([0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12})\Z")


def is_sessions_folder(folder: Path) -> bool:
    """Whether a folder has rollouts in it, by year or directly."""
    if not folder.is_dir():
        return False
    return any(
        (_YEAR.match(entry.name) and entry.is_dir())
        or (entry.name.startswith("rollout-") and entry.suffix == ".jsonl")
        for entry in folder.iterdir()
    )


def find_rollouts(folder: Path, agent: str) -> Found:
    """The sessions below a `sessions` folder."""
    sessions: dict[str, SessionFiles] = {}
    spawned: list[tuple[Path, str, str]] = []
    skipped: list[Reject] = []
    for path in sorted(folder.rglob("*.jsonl")):
        match = _ROLLOUT.match(path.stem)
        if not match or not path.is_file() or path.is_symlink():
            skipped.append(Reject(str(path), 0, "not a rollout file"))
            continue
        records = first_records(path)
        meta = _meta(records)
        if meta is None:
            skipped.append(Reject(str(path), 0, "no Codex session in it, or not readable"))
        elif _is_silent(path, records):
            skipped.append(Reject(str(path), 0, "a session that was closed before anything was said"))
        elif root := _root(meta):
            spawned.append((path, match[1], root))
        else:
            sessions[match[1]] = SessionFiles(agent, match[1], "", path)
    for path, thread, root in spawned:
        session = sessions.get(root)
        if session is None:
            skipped.append(Reject(str(path), 0, "a spawned agent's file whose session is not here"))
            continue
        part = Part(thread, path, "subagent")
        sessions[root] = SessionFiles(agent, root, "", session.main, (*session.parts, part))
    return Found(tuple(sessions.values()), tuple(skipped))


def _meta(records: list[dict[str, Any]]) -> dict[str, Any] | None:
    for record in records:
        payload = record.get("payload")
        if record.get("type") == "session_meta" and isinstance(payload, dict):
            return payload
    return None


def _is_silent(path: Path, records: list[dict[str, Any]]) -> bool:
    """Whether a rollout tells of nothing but its session, as Codex leaves it where its user left without a word."""
    return len(records) == 1 and path.stat().st_size < _MOST_SILENT


def _root(meta: dict[str, Any]) -> str | None:
    """The session that spawned this one, if one did."""
    source = meta.get("source")
    spawned = meta.get("thread_source") == "subagent" or (isinstance(source, dict) and "subagent" in source)
    root = meta.get("session_id")
    return root if spawned and isinstance(root, str) and root != meta.get("id") else None
