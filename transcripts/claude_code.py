"""Claude Code as an agent module: its folders, and its records through claude_slim and claude_events."""

import os
import re
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from transcripts.agent import Facts, Found, Unknown
from transcripts.claude_drift import unknown
from transcripts.claude_events import add_events
from transcripts.claude_find import find_projects, find_slug, is_projects_folder
from transcripts.claude_slim import slim_record
from transcripts.claude_vocabulary import DROPPED_TYPES, MESSAGE_LIKE, SMALL_TYPES
from transcripts.clean import Cleaner
from transcripts.collect import Collector, Position

_TYPES = DROPPED_TYPES | SMALL_TYPES | MESSAGE_LIKE.keys()
_MARKS = ("uuid", "sessionId", "leafUuid", "messageId")
_UUID = re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}\Z")


class ClaudeCode:
    """The agent module of Claude Code; see `transcripts.agent.Agent`."""

    name = "claude-code"

    def default_folders(self) -> list[Path]:
        """`$CLAUDE_CONFIG_DIR/projects`, else `~/.claude/projects`."""
        configured = os.environ.get("CLAUDE_CONFIG_DIR")
        return [(Path(configured).expanduser() if configured else Path.home() / ".claude") / "projects"]

    def find(self, folder: Path) -> Found | None:
        """The sessions of a configuration folder, a `projects` folder or one slug folder."""
        if (folder / "projects").is_dir():
            return find_projects(folder / "projects", self)
        if is_projects_folder(folder):
            return find_projects(folder, self)
        return find_slug(folder, self)

    def recognises(self, record: Mapping[str, Any]) -> bool:
        """A record of ours has one of our types and one of the ids that they carry."""
        kind = record.get("type")
        return isinstance(kind, str) and kind in _TYPES and any(mark in record for mark in _MARKS)

    def session_id(self, path: Path) -> str | None:
        """The file's stem if it is a UUID."""
        return path.stem if _UUID.match(path.stem) else None

    def slim(self, line: bytes, clean: Cleaner) -> dict[str, Any] | None:
        """See `Agent.slim`."""
        return slim_record(line, clean)

    def facts(self, record: Mapping[str, Any]) -> Facts:
        """See `Agent.facts`."""
        return Facts(
            cwd=_text(record.get("cwd")),
            branch=_text(record.get("gitBranch")),
            version=_text(record.get("version")),
        )

    def events(self, record: Mapping[str, Any], at: Position, into: Collector) -> None:
        """See `Agent.events`."""
        add_events(record, at, into)

    def unknown(self, record: Mapping[str, Any]) -> Iterable[Unknown]:
        """See `Agent.unknown`."""
        return unknown(record)


def _text(value: Any) -> str | None:
    return value if isinstance(value, str) else None
