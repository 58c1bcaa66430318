"""Gemini CLI's sessions, one JSON record a line. Format: Gemini CLI 0.61.0.

A record is a message `{id, timestamp, type, content, …}`, a change `{$set: {…}}` or `{$rewindTo: id}`; the first is the
session's, `{sessionId, projectHash, …}`. A message is written again under its id when something is added to it, tool
calls above all. `$set.messages` is the history as the model is shown it from there on: all of it again after a resume,
under new ids after a compaction.
"""

import os
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

import msgspec

from transcripts.agent import Facts, Found, Unknown
from transcripts.clean import Cleaner
from transcripts.collect import Collector, Position
from transcripts.gemini_events import add_events
from transcripts.gemini_find import chats_folders, find_chats
from transcripts.gemini_parts import parts_of, texts, workspace
from transcripts.gemini_slim import SETTINGS, slim_change, slim_message, slim_unknown

TYPES = frozenset({"user", "gemini", "info", "warning", "error"})
FIELDS = frozenset(
    {"id", "timestamp", "type", "content", "displayContent", "thoughts", "tokens", "model", "toolCalls"}
)
PARTS = frozenset({"text", "inlineData", "fileData", "functionCall", "functionResponse"})
_UNKNOWN_LIMIT = 64 * 1024
_RECORD = msgspec.json.Decoder(dict[str, Any])


class GeminiCli:
    """The agent module of Gemini CLI; see `transcripts.agent.Agent`."""

    name = "gemini-cli"

    def default_folders(self) -> list[Path]:
        """`$GEMINI_CLI_HOME/.gemini/tmp`, else `~/.gemini/tmp`."""
        configured = os.environ.get("GEMINI_CLI_HOME")
        return [(Path(configured) if configured else Path.home()) / ".gemini" / "tmp"]

    def find(self, folder: Path) -> Found | None:
        """The sessions of a `.gemini`, `tmp`, project's or `chats` folder."""
        chats = chats_folders(folder)
        if chats is None:
            return None
        found = [find_chats(each, self.name, self.recognises) for each in chats]
        return Found(
            tuple(session for each in found for session in each.sessions),
            tuple(reject for each in found for reject in each.skipped),
        )

    def recognises(self, record: Mapping[str, Any]) -> bool:
        """A message has an id, content and a type of ours; what is stated of a session is no word of it."""
        kind = record.get("type")
        return (
            isinstance(kind, str)
            and kind in TYPES
            and isinstance(record.get("id"), str)
            and "content" in record
        )

    def session_id(self, path: Path) -> str | None:
        """None: a file's name holds only the id's first digits."""
        return None

    def slim(self, line: bytes, clean: Cleaner) -> dict[str, Any] | None:
        """See `Agent.slim`."""
        record = _RECORD.decode(line)
        if isinstance(record.get("$set"), dict):
            return slim_change(record["$set"], clean)
        if isinstance(record.get("$rewindTo"), str):
            return {"$rewindTo": clean.identifier(record["$rewindTo"])}
        if self.recognises(record):
            return slim_message(record, clean)
        if "sessionId" in record and "projectHash" in record:
            return None
        if len(line) > _UNKNOWN_LIMIT:
            record = {name: record[name] for name in ("id", "timestamp", "type") if name in record}
        return slim_unknown(record, clean)

    def facts(self, record: Mapping[str, Any]) -> Facts:
        """The first of the workspace's folders, from the text that the host begins a session with."""
        said = (text for message in _messages(record) for text in texts(message.get("content")))
        return Facts(cwd=next(filter(None, map(workspace, said)), None))

    def events(self, record: Mapping[str, Any], at: Position, into: Collector) -> None:
        """See `Agent.events`."""
        add_events(record, at, into)

    def unknown(self, record: Mapping[str, Any]) -> Iterable[Unknown]:
        """See `Agent.unknown`. No record states the version."""
        changed = record.get("$set")
        if isinstance(changed, dict):
            yield from (Unknown("", f"setting {name}") for name in sorted(changed.keys() - SETTINGS))
        elif self.recognises(record):
            yield from (Unknown("", f"field {name}") for name in sorted(record.keys() - FIELDS))
        elif not record.keys() & {"$rewindTo", "projectHash"}:
            yield Unknown("", f"record type {record.get('type')}")
        for message in _messages(record):
            for part in parts_of(message.get("content")):
                if isinstance(part, dict) and not part.keys() & PARTS:
                    yield Unknown("", f"part {' '.join(sorted(part))}")


def _messages(record: Mapping[str, Any]) -> Iterator[Mapping[str, Any]]:
    changed = record.get("$set")
    several = changed.get("messages") if isinstance(changed, dict) else [record]
    return (each for each in (several if isinstance(several, list) else ()) if isinstance(each, dict))
