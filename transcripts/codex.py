"""Codex rollouts: finding them and reducing their records. Format: Codex 0.169.0 and its predecessors.

A file is `$CODEX_HOME/sessions/YYYY/MM/DD/rollout-<time>-<uuid>.jsonl`, a line `{timestamp, type, payload}`.
Text stands twice, as response_item and as event_msg: the response items are kept.
"""

import os
import re
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import msgspec

from transcripts.agent import Facts, Found, Unknown
from transcripts.clean import Cleaner, without_payload
from transcripts.codex_events import add_events
from transcripts.codex_find import find_rollouts, is_sessions_folder
from transcripts.codex_items import ANSWER, slim_completed, slim_retained
from transcripts.collect import Collector, Position

TYPES = frozenset(
    {
        "session_meta",
        "turn_context",
        "response_item",
        "event_msg",
        "compacted",
        "inter_agent_communication_metadata",
        "retained_context",
        "world_state",
        "token_usage_record",
    }
)
ITEMS = frozenset(
    {
        "additional_tools",
        "agent_message",
        "message",
        "reasoning",
        "function_call",
        "function_call_output",
        "custom_tool_call",
        "custom_tool_call_output",
        "local_shell_call",
        "web_search_call",
    }
)
KEPT_MESSAGES = frozenset(
    {"token_count", "error", "stream_error", "turn_aborted", "context_compacted", "item_completed"}
)
DROPPED_MESSAGES = frozenset(
    {
        "agent_message",
        "agent_reasoning",
        "agent_reasoning_raw_content",
        "agent_reasoning_section_break",
        "exec_command_begin",
        "exec_command_end",
        "item_started",
        "mcp_tool_call_begin",
        "mcp_tool_call_end",
        "patch_apply_begin",
        "patch_apply_end",
        "plan_update",
        "task_complete",
        "task_started",
        "thread_settings_applied",
        "turn_diff",
        "user_message",
        "web_search_begin",
        "web_search_end",
    }
)
_META_FIELDS = ("id", "session_id", "timestamp", "cwd", "cli_version", "git", "source", "thread_source")
_TURN_FIELDS = ("cwd", "model")
_ITEM_DROPPED = frozenset({"encrypted_content", "internal_chat_message_metadata_passthrough"})
_IDS = frozenset({"id", "call_id", "session_id", "response_id", "turn_id", "thread_id"})
_HOSTS_ROLES = ("developer", "system")
_UNKNOWN_LIMIT = 64 * 1024
_UUID_END = re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}\Z")
_ABSENT = msgspec.Raw()


class _Record(msgspec.Struct):
    type: Any = None
    timestamp: Any = None
    payload: msgspec.Raw = _ABSENT


_RECORD = msgspec.json.Decoder(_Record)
_ANY = msgspec.json.Decoder()


class Codex:
    """The agent module of Codex; see `transcripts.agent.Agent`."""

    name = "codex"

    def default_folders(self) -> list[Path]:
        """`$CODEX_HOME/sessions`, else `~/.codex/sessions`."""
        configured = os.environ.get("CODEX_HOME")
        return [(Path(configured).expanduser() if configured else Path.home() / ".codex") / "sessions"]

    def find(self, folder: Path) -> Found | None:
        """The sessions of a Codex home or `sessions` folder."""
        for candidate in (folder, folder / "sessions"):
            if is_sessions_folder(candidate):
                return find_rollouts(candidate, self.name)
        return None

    def recognises(self, record: Mapping[str, Any]) -> bool:
        """A line of a rollout has a payload and a type of ours; session_meta alone is a session without a word."""
        kind = record.get("type")
        if not isinstance(kind, str) or kind == "session_meta":
            return False
        return kind in TYPES and isinstance(record.get("payload"), dict)

    def session_id(self, path: Path) -> str | None:
        """The UUID at the end of the file's name."""
        match = _UUID_END.search(path.stem)
        return match[0] if match else None

    def slim(self, line: bytes, clean: Cleaner) -> dict[str, Any] | None:
        """See `Agent.slim`."""
        record = _RECORD.decode(line)
        kind = record.type
        payload = _ANY.decode(record.payload) if record.payload is not _ABSENT else None
        if not isinstance(kind, str) or kind not in TYPES or not isinstance(payload, dict):
            return _unknown_record(line, clean)
        kept = _payload(kind, payload, clean)
        if kept is None:
            return None
        return {"timestamp": clean.time(record.timestamp), "type": kind, "payload": kept}

    def facts(self, record: Mapping[str, Any]) -> Facts:
        """See `Agent.facts`."""
        payload = record.get("payload")
        payload = payload if isinstance(payload, dict) else {}
        git = payload.get("git")
        return Facts(
            cwd=_text(payload.get("cwd")),
            branch=_text(git.get("branch")) if isinstance(git, dict) else None,
            version=_text(payload.get("cli_version")),
        )

    def events(self, record: Mapping[str, Any], at: Position, into: Collector) -> None:
        """See `Agent.events`."""
        add_events(record, at, into)

    def unknown(self, record: Mapping[str, Any]) -> Iterable[Unknown]:
        """See `Agent.unknown`. Only session_meta states the version; other rows have ""."""
        kind, payload = record.get("type"), record.get("payload")
        payload = payload if isinstance(payload, dict) else {}
        version = _text(payload.get("cli_version")) or ""
        if not isinstance(kind, str) or kind not in TYPES:
            yield Unknown(version, f"record type {kind}")
            return
        inner = payload.get("type")
        inner = inner if isinstance(inner, str) else f"({type(inner).__name__})"
        if kind == "response_item" and inner not in ITEMS:
            yield Unknown(version, f"item type {inner}")
        if kind == "retained_context" and inner != ANSWER:
            yield Unknown(version, f"retained context {inner}")
        if kind == "event_msg" and inner not in KEPT_MESSAGES | DROPPED_MESSAGES:
            yield Unknown(version, f"event type {inner}")


def _text(value: Any) -> str | None:
    return value if isinstance(value, str) else None


def _payload(kind: str, payload: dict[str, Any], clean: Cleaner) -> dict[str, Any] | None:
    if kind == "session_meta":
        return _picked(payload, _META_FIELDS, clean)
    if kind == "turn_context":
        return _picked(payload, _TURN_FIELDS, clean)
    if kind == "compacted":
        return _picked(payload, ("message",), clean)
    if kind == "token_usage_record":
        return _picked(payload, ("response_id", "usage"), clean)
    if kind == "retained_context":
        return slim_retained(payload, clean)
    if kind == "event_msg":
        return _event_message(payload, clean)
    return _item(payload, clean) if kind == "response_item" else None


def _picked(payload: dict[str, Any], names: tuple[str, ...], clean: Cleaner) -> dict[str, Any]:
    return {name: _value(name, payload[name], clean) for name in names if payload.get(name) is not None}


def _value(name: str, value: Any, clean: Cleaner) -> Any:
    if name in _IDS:
        return clean.identifier(value)
    return clean.time(value) if name == "timestamp" else clean.member(name, value)


def _event_message(payload: dict[str, Any], clean: Cleaner) -> dict[str, Any] | None:
    kind = payload.get("type")
    if not isinstance(kind, str) or kind in DROPPED_MESSAGES:
        return None
    if kind == "token_count":
        info = payload.get("info")
        usage = info.get("last_token_usage") if isinstance(info, dict) else None
        return {"type": kind, "usage": clean.value(usage)} if usage else None
    if kind == "item_completed":
        return slim_completed(payload, clean)
    if kind in KEPT_MESSAGES:
        return _picked(payload, ("type", "message", "reason"), clean)
    return {"type": clean.text(kind)}


def _item(payload: dict[str, Any], clean: Cleaner) -> dict[str, Any] | None:
    if payload.get("type") in ("message", "additional_tools") and payload.get("role") in _HOSTS_ROLES:
        return None  # the host's instructions and tools, and what hooks injected
    slim: dict[str, Any] = {}
    for name, value in payload.items():
        if name in _ITEM_DROPPED:
            continue
        if name == "arguments" and isinstance(value, str):
            slim[name] = _arguments(value, clean)
        elif name in ("content", "output") and isinstance(value, list):
            slim[name] = [_content(item, clean) for item in value]
        else:
            slim[clean.text(name)] = _value(name, value, clean)
    kinds = payload.get("internal_chat_message_metadata_passthrough")
    kinds = kinds.get("content_item_kinds") if isinstance(kinds, dict) else None
    if isinstance(kinds, list):
        slim["content_item_kinds"] = clean.value(kinds)
    return slim


def _arguments(arguments: str, clean: Cleaner) -> str:
    """A call's arguments, JSON in a string: cleaned inside, where a secret's line breaks are not escaped."""
    try:
        return msgspec.json.encode(clean.value(_ANY.decode(arguments))).decode()
    except (msgspec.DecodeError, UnicodeEncodeError, RecursionError):
        return clean.text(arguments)


def _content(item: Any, clean: Cleaner) -> Any:
    if not isinstance(item, dict):
        return clean.value(item)
    if item.get("type") == "encrypted_content":
        return {"type": "encrypted_content"}
    url = item.get("image_url")
    if isinstance(url, str) and url.startswith("data:"):
        media, _, data = url.partition(";base64,")
        return {"type": item.get("type"), "source": without_payload({"media_type": media[5:], "data": data})}
    return clean.value(item)


def _unknown_record(line: bytes, clean: Cleaner) -> dict[str, Any]:
    record = _ANY.decode(line)
    if len(line) > _UNKNOWN_LIMIT:
        record = {name: record[name] for name in ("type", "timestamp") if name in record}
    return {clean.text(name): _value(name, value, clean) for name, value in record.items()}
