"""The invented sessions, which hold every record and block type, give the expected events."""

import json
from typing import Any

import msgspec
import pytest

from transcripts import claude_vocabulary as claude
from transcripts.events import read_events
from transcripts.slim import slim_session
from transcripts.sources import find_sessions

from .conftest import FIXTURES, keep


def records(agent: str) -> list[dict[str, Any]]:
    """Every line of an agent's fixtures that is JSON."""
    found = []
    for path in (FIXTURES / agent).rglob("*.jsonl"):
        for line in path.read_text().split("\n"):
            try:
                found.append(json.loads(line))
            except ValueError:
                continue
    return found


@pytest.mark.parametrize("agent", ["claude", "codex", "gemini"])
def test_events_are_as_expected(agent: str) -> None:
    """Each fixture session gives exactly the events and rejects of its golden file."""
    (files,) = find_sessions(FIXTURES / agent).sessions
    events, rejects = read_events(slim_session(files, keep).blob)
    got = {
        "events": [
            {
                name: value
                for name, value in msgspec.to_builtins(event).items()
                if value not in (None, "", False)
            }
            for event in events
        ],
        "rejects": msgspec.to_builtins(rejects),
    }
    expected = json.loads((FIXTURES / f"{agent}.events.json").read_text())
    assert got["events"] == expected["events"]
    assert got["rejects"] == expected["rejects"]


def test_the_claude_fixture_holds_the_whole_vocabulary() -> None:
    """No record type, system subtype or content block type that we claim to know is left untested."""
    types, subtypes, blocks = set(), set(), set()
    for record in records("claude"):
        types.add(record["type"])
        subtypes.add(record.get("subtype"))
        message = record.get("message")
        content = message["content"] if isinstance(message, dict) else []
        for block in content if isinstance(content, list) else []:
            blocks.add(block["type"])
            inner = block.get("content")
            blocks.update(item["type"] for item in inner if isinstance(item, dict)) if isinstance(
                inner, list
            ) else None
    assert types >= claude.DROPPED_TYPES | claude.SMALL_TYPES | claude.MESSAGE_LIKE.keys()
    assert subtypes >= claude.KEPT_SUBTYPES | claude.DROPPED_SUBTYPES
    seen_by_name = {"web_fetch_tool_result", "bash_code_execution_tool_result"}
    assert blocks >= claude.BLOCKS - seen_by_name - {"text_editor_code_execution_tool_result"}


def test_the_codex_fixture_holds_the_whole_vocabulary() -> None:
    """No Codex record or item type that we claim to know is left untested."""
    from transcripts.codex import ITEMS, KEPT_MESSAGES, TYPES

    types = {record["type"] for record in records("codex")}
    inner = {record["payload"].get("type") for record in records("codex")}
    assert types >= TYPES
    assert inner >= ITEMS
    assert inner >= KEPT_MESSAGES - {"stream_error", "context_compacted"}


def test_the_gemini_fixture_holds_the_whole_vocabulary() -> None:
    """No type, setting or kind of part of Gemini CLI that we claim to know is left untested."""
    from transcripts.gemini import FIELDS, PARTS, TYPES
    from transcripts.gemini_slim import SETTINGS

    messages = [record for record in records("gemini") if "type" in record]
    settings = {name for record in records("gemini") for name in record.get("$set", ())}
    retold = [
        message for record in records("gemini") for message in record.get("$set", {}).get("messages", ())
    ]
    contents = [message["content"] for message in messages + retold if isinstance(message["content"], list)]
    assert {message["type"] for message in messages} >= TYPES
    assert {name for message in messages for name in message} >= FIELDS
    assert settings >= SETTINGS - {"kind", "startTime"}
    assert {name for content in contents for part in content for name in part} >= PARTS
