"""Slim Claude Code records as events."""

from collections.abc import Mapping
from typing import Any

from transcripts.claude_beside import add_attachment, add_queue_operation
from transcripts.claude_user import (
    add_tool_result,
    add_unknown_block,
    add_user,
    add_user_text,
    media_text,
    result_text,
    text_or_none,
)
from transcripts.claude_vocabulary import SMALL_TYPES
from transcripts.clean import parse_time
from transcripts.collect import Collector, Position, Tokens, count
from transcripts.tool_text import compact_json, named_file, tool_text

_TITLES = {
    "summary": "summary",
    "custom-title": "customTitle",
    "ai-title": "aiTitle",
    "tag": "tag",
}


def add_events(record: Mapping[str, Any], at: Position, into: Collector) -> None:
    """Add the events of one slim record."""
    if not into.is_new(record.get("uuid")):
        return
    _place(record, at)
    kind = record.get("type")
    if kind == "assistant":
        _assistant(record, at, into)
    elif kind == "user":
        add_user(record, at, into)
    elif kind == "system":
        _system(record, at, into)
    elif kind == "attachment":
        add_attachment(record, at, into)
    elif kind == "queue-operation":
        add_queue_operation(record, at, into)
    elif kind == "pr-link":
        into.add(at, "harness", "pr_link", _pr_link(record))
    elif isinstance(kind, str) and kind in _TITLES:
        text = record.get(_TITLES[kind])
        if isinstance(text, str) and text:
            into.add(at, "harness", "title", text)
    elif not isinstance(kind, str) or kind not in SMALL_TYPES:
        into.unknown(at, "record type", kind)


def _place(record: Mapping[str, Any], at: Position) -> None:
    at.uuid = text_or_none(record.get("uuid"))
    at.time = parse_time(record.get("timestamp"))
    at.cwd = text_or_none(record.get("cwd"))
    at.git_branch = text_or_none(record.get("gitBranch"))
    at.host_version = text_or_none(record.get("version"))
    at.sidechain = record.get("isSidechain") is True


def _assistant(record: Mapping[str, Any], at: Position, into: Collector) -> None:
    message = record.get("message")
    if not isinstance(message, dict):
        into.unknown(at, "message in record type", "assistant")
        return
    at.message_id = text_or_none(message.get("id"))
    at.model = text_or_none(message.get("model"))
    content = message.get("content")
    for block in content if isinstance(content, list) else [content]:
        if record.get("isApiErrorMessage") is True:
            _api_error(block, at, into)
        else:
            _assistant_block(block, at, into)
    usage = message.get("usage")
    if isinstance(usage, dict) and at.message_id is not None:
        into.count_tokens(at.message_id, _tokens(usage))


def _tokens(usage: Mapping[str, Any]) -> Tokens:
    return Tokens(
        count(usage.get("input_tokens")),
        count(usage.get("output_tokens")),
        count(usage.get("cache_read_input_tokens")),
        count(usage.get("cache_creation_input_tokens")),
    )


def _api_error(block: Any, at: Position, into: Collector) -> None:
    text = block.get("text") if isinstance(block, dict) else block
    into.add(at, "harness", "api_error", text if isinstance(text, str) else compact_json(text), is_error=True)


def _assistant_block(block: Any, at: Position, into: Collector) -> None:
    if isinstance(block, str):
        into.add(at, "assistant", "text", block)
        return
    if not isinstance(block, dict):
        add_unknown_block(block, "assistant", at, into)
        return
    kind = block.get("type")
    if kind == "text" and isinstance(block.get("text"), str):
        into.add(at, "assistant", "text", block["text"])
    elif kind == "thinking" or kind == "redacted_thinking":
        text = block.get("thinking")
        if isinstance(text, str) and text:
            into.add(at, "assistant", "thinking", text)
    elif kind in ("tool_use", "server_tool_use", "mcp_tool_use"):
        _tool_use(block, at, into)
    elif isinstance(kind, str) and kind.endswith("_tool_result"):
        add_tool_result(block, {}, at, into)
    elif kind in ("image", "document"):
        into.add(at, "assistant", "image", media_text(block))
    else:
        add_unknown_block(block, "assistant", at, into)


def _tool_use(block: Mapping[str, Any], at: Position, into: Collector) -> None:
    name, given = block.get("name"), block.get("input")
    tool = name if isinstance(name, str) else "unnamed"
    tool_id = text_or_none(block.get("id"))
    if tool_id is not None:
        into.tools[tool_id] = (tool, given)
    into.add(
        at,
        "assistant",
        "tool_use",
        tool_text(tool, given),
        tool=tool,
        tool_use_id=tool_id,
        file_path=named_file(tool, given),
    )


def _system(record: Mapping[str, Any], at: Position, into: Collector) -> None:
    subtype, content = record.get("subtype"), record.get("content")
    if subtype == "api_error":
        into.add(at, "harness", "api_error", _error_text(record.get("error")), is_error=True)
    elif subtype in ("compact_boundary", "microcompact_boundary"):
        into.add(at, "harness", "compaction", _compaction(record))
    elif subtype == "local_command" and isinstance(content, str):
        add_user_text(content, record, at, into)
    elif subtype == "stop_hook_summary":
        into.add(at, "harness", "context", result_text(record.get("hookErrors")))
    elif isinstance(content, str) and content:
        into.add(at, "harness", "context", content)
    else:
        into.unknown(at, "system record", subtype)


def _error_text(error: Any) -> str:
    if not isinstance(error, dict):
        return "The model service failed" if error is None else str(error)
    parts = [str(error[name]) for name in ("status", "message") if error.get(name)]
    inner = error.get("error")
    inner = inner.get("error", inner) if isinstance(inner, dict) else None
    if isinstance(inner, dict):
        parts += [str(inner[name]) for name in ("type", "message") if inner.get(name)]
    return " ".join(parts) or "The model service failed"


def _compaction(record: Mapping[str, Any]) -> str:
    details = record.get("compactMetadata")
    text = str(record.get("content") or "Conversation compacted")
    if not isinstance(details, dict):
        return text
    shown = [f"{name} {details[name]}" for name in ("trigger", "preTokens", "postTokens") if name in details]
    return f"{text} ({', '.join(shown)})" if shown else text


def _pr_link(record: Mapping[str, Any]) -> str:
    url, number, repository = (record.get(name) for name in ("prUrl", "prNumber", "prRepository"))
    return f"{repository or ''}#{number} {url or ''}".strip()
