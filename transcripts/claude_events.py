"""Slim Claude Code records as events."""

from collections.abc import Mapping
from typing import Any

from data_models.events import Kind
from transcripts import claude_human
from transcripts.claude_slim import SMALL_TYPES
from transcripts.clean import parse_time
from transcripts.collect import Collector, Position, Tokens
from transcripts.tool_text import compact_json, named_file, tool_text

_TITLES = {
    "summary": "summary",
    "custom-title": "customTitle",
    "ai-title": "aiTitle",
    "tag": "tag",
}
_SHOWN_LIMIT = 4000


def add_events(record: Mapping[str, Any], at: Position, into: Collector) -> None:
    """Add the events of one slim record."""
    if not into.is_new(record.get("uuid")):
        return
    _place(record, at)
    kind = record.get("type")
    if kind == "assistant":
        _assistant(record, at, into)
    elif kind == "user":
        _user(record, at, into)
    elif kind == "system":
        _system(record, at, into)
    elif kind == "attachment":
        _attachment(record, at, into)
    elif kind == "queue-operation":
        _queue(record, at, into)
    elif kind == "pr-link":
        into.add(at, "harness", "pr_link", _pr_link(record))
    elif isinstance(kind, str) and kind in _TITLES:
        text = record.get(_TITLES[kind])
        if isinstance(text, str) and text:
            into.add(at, "harness", "title", text)
    elif not isinstance(kind, str) or kind not in SMALL_TYPES:
        into.unknown(at, "record type", kind)


def _text_or_none(value: Any) -> str | None:
    return value if isinstance(value, str) else None


def _place(record: Mapping[str, Any], at: Position) -> None:
    at.uuid = _text_or_none(record.get("uuid"))
    at.time = parse_time(record.get("timestamp"))
    at.cwd = _text_or_none(record.get("cwd"))
    at.git_branch = _text_or_none(record.get("gitBranch"))
    at.host_version = _text_or_none(record.get("version"))
    at.sidechain = record.get("isSidechain") is True


def _assistant(record: Mapping[str, Any], at: Position, into: Collector) -> None:
    message = record.get("message")
    if not isinstance(message, dict):
        into.unknown(at, "message in record type", "assistant")
        return
    at.message_id = _text_or_none(message.get("id"))
    at.model = _text_or_none(message.get("model"))
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
        usage.get("input_tokens"),
        usage.get("output_tokens"),
        usage.get("cache_read_input_tokens"),
        usage.get("cache_creation_input_tokens"),
    )


def _api_error(block: Any, at: Position, into: Collector) -> None:
    text = block.get("text") if isinstance(block, dict) else block
    into.add(at, "harness", "api_error", text if isinstance(text, str) else compact_json(text), is_error=True)


def _assistant_block(block: Any, at: Position, into: Collector) -> None:
    if isinstance(block, str):
        into.add(at, "assistant", "text", block)
        return
    kind = block.get("type") if isinstance(block, dict) else None
    if kind == "text" and isinstance(block.get("text"), str):
        into.add(at, "assistant", "text", block["text"])
    elif kind == "thinking" or kind == "redacted_thinking":
        text = block.get("thinking")
        if isinstance(text, str) and text:
            into.add(at, "assistant", "thinking", text)
    elif kind in ("tool_use", "server_tool_use", "mcp_tool_use"):
        _tool_use(block, at, into)
    elif isinstance(kind, str) and kind.endswith("_tool_result"):
        _tool_result(block, {}, at, into)
    elif kind in ("image", "document"):
        into.add(at, "assistant", "image", _media(block))
    else:
        _unknown_block(block, "assistant", at, into)


def _tool_use(block: Mapping[str, Any], at: Position, into: Collector) -> None:
    name, given = block.get("name"), block.get("input")
    tool = name if isinstance(name, str) else "unnamed"
    tool_id = _text_or_none(block.get("id"))
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


def _user(record: Mapping[str, Any], at: Position, into: Collector) -> None:
    message = record.get("message")
    if not isinstance(message, dict):
        into.unknown(at, "message in record type", "user")
        return
    content = message.get("content")
    result = record.get("toolUseResult")
    for block in content if isinstance(content, list) else [content]:
        if isinstance(block, str):
            _user_text(block, record, at, into)
            continue
        kind = block.get("type") if isinstance(block, dict) else None
        if kind == "text" and isinstance(block.get("text"), str):
            _user_text(block["text"], record, at, into)
        elif kind == "tool_result":
            _tool_result(block, result if isinstance(result, dict) else {}, at, into)
        elif kind in ("image", "document"):
            into.add(at, "harness" if _is_host_text(record, at) else "human", "image", _media(block))
        elif block is not None:
            _unknown_block(block, "user", at, into)


def _is_host_text(record: Mapping[str, Any], at: Position) -> bool:
    """Whether a user record was not typed by a person: harness text, or a parent agent's order."""
    return record.get("isMeta") is True or at.sidechain or bool(at.subagent) or _is_notification(record)


def _is_notification(record: Mapping[str, Any]) -> bool:
    origin = record.get("origin")
    return (
        (isinstance(origin, dict) and origin.get("kind") == "task-notification")
        or record.get("turnOrigin") == "task_notification"
        or record.get("promptSource") == "system"
    )


def _user_text(text: str, record: Mapping[str, Any], at: Position, into: Collector) -> None:
    if record.get("isCompactSummary") is True:
        into.add(at, "harness", "summary", text)
        return
    host = _is_host_text(record, at)
    for said in claude_human.user_text(text):
        role, kind = said.role, said.kind
        if role == "human" and host:
            role, kind = "harness", "notification" if _is_notification(record) else "context"
        into.add(at, role, kind, said.text)


def _tool_result(block: Mapping[str, Any], result: Mapping[str, Any], at: Position, into: Collector) -> None:
    tool_id = _text_or_none(block.get("tool_use_id"))
    tool, given = into.tools.get(tool_id or "", (None, None))
    content = block.get("content")
    text = result_text(content)
    failed = block.get("is_error") is True
    event = into.add(at, "tool", "tool_result", text, tool=tool, tool_use_id=tool_id, is_error=failed)
    if event is not None:
        into.note_persisted(event, result.get("persistedOutputPath"))
    for item in content if isinstance(content, list) else []:
        if isinstance(item, dict) and item.get("type") in ("image", "document"):
            into.add(at, "tool", "image", _media(item), tool=tool, tool_use_id=tool_id)
    if not (at.subagent or at.sidechain):
        _words_in_result(text, result, (tool, given), failed, at, into)


def _words_in_result(
    text: str,
    result: Mapping[str, Any],
    call: tuple[str | None, Any],
    failed: bool,
    at: Position,
    into: Collector,
) -> None:
    tool, given = call
    more = {"tool": tool, "file_path": named_file(tool, given) if tool else None}
    if failed and (words := claude_human.refusal(text)):
        into.add(at, "human", "rejection", words, **more)
    elif failed and text.startswith("[Request interrupted by user"):
        into.add(at, "harness", "interrupt", text)
    elif tool == "AskUserQuestion" and (words := claude_human.answers(text, result)):
        into.add(at, "human", "answer", words, **more)
    elif tool == "ExitPlanMode" and (words := claude_human.plan_decision(text, result, given)):
        into.add(at, "human", "plan_edit", words, **more)
    elif result.get("userModified") is True:
        words = patch_text(result.get("structuredPatch"))
        into.add(at, "human", "plan_edit", f"Changed the edit by hand before it was made:\n{words}", **more)


def patch_text(patch: Any) -> str:
    """A structured patch as the lines of its hunks."""
    hunks = [hunk.get("lines") for hunk in patch if isinstance(hunk, dict)] if isinstance(patch, list) else []
    return "\n".join(
        line for lines in hunks if isinstance(lines, list) for line in lines if isinstance(line, str)
    )


def result_text(content: Any) -> str:
    """The text of a tool result: a string, or a list of blocks, of which references give their names."""
    if isinstance(content, str):
        return content
    if not isinstance(content, list):
        return "" if content is None else compact_json(content)
    texts = []
    for item in content:
        if isinstance(item, str):
            texts.append(item)
        elif isinstance(item, dict) and item.get("type") not in ("image", "document"):
            text = item.get("text", item.get("tool_name"))
            texts.append(text if isinstance(text, str) else compact_json(item))
    return "\n".join(texts)


def _media(block: Mapping[str, Any]) -> str:
    source = block.get("source")
    source = source if isinstance(source, dict) else {}
    kind = source.get("media_type") or source.get("type") or block.get("type")
    size = source.get("size")
    return f"{kind}, {size} bytes" if isinstance(size, int) else str(kind)


def _unknown_block(block: Any, where: str, at: Position, into: Collector) -> None:
    name = block.get("type") if isinstance(block, dict) else None
    into.unknown(at, f"{where} block type", name)
    into.add(at, "harness", "context", compact_json(block)[:_SHOWN_LIMIT])


def _system(record: Mapping[str, Any], at: Position, into: Collector) -> None:
    subtype, content = record.get("subtype"), record.get("content")
    if subtype == "api_error":
        into.add(at, "harness", "api_error", _error_text(record.get("error")), is_error=True)
    elif subtype in ("compact_boundary", "microcompact_boundary"):
        into.add(at, "harness", "compaction", _compaction(record))
    elif subtype == "local_command" and isinstance(content, str):
        _user_text(content, record, at, into)
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


def _attachment(record: Mapping[str, Any], at: Position, into: Collector) -> None:
    attachment = record.get("attachment")
    if not isinstance(attachment, dict):
        into.unknown(at, "attachment", None)
        return
    kind = attachment.get("type")
    if kind == "queued_command":
        _queued_command(attachment, at, into)
        return
    text = _attachment_text(attachment)
    if text is None:
        into.unknown(at, "attachment type", kind)
        text = compact_json(attachment)[:_SHOWN_LIMIT]
    if text:
        into.add(at, "harness", "context", text)


def _attachment_text(attachment: Mapping[str, Any]) -> str | None:
    """What an attachment told the model; None for a shape we do not know."""
    for key in ("content", "text", "snippet", "context", "stdout", "message"):
        value = attachment.get(key)
        if isinstance(value, str):
            break
        if isinstance(value, (list, dict)) and value:
            value = _inner_text(value)
            break
    else:
        return None
    name = attachment.get("filename") or attachment.get("path")
    return f"{name}\n{value}" if isinstance(name, str) else value


def _inner_text(value: Any) -> str:
    file = value.get("file") if isinstance(value, dict) else None
    if isinstance(file, dict) and isinstance(file.get("content"), str):
        return str(file["content"])
    if isinstance(value, dict) and len(value) == 1:
        only = next(iter(value.values()))
        if isinstance(only, str):
            return only
    return result_text(value)


def _queued_command(attachment: Mapping[str, Any], at: Position, into: Collector) -> None:
    """A prompt typed while the agent worked and folded into the running turn."""
    text = result_text(attachment.get("prompt"))
    origin = attachment.get("origin")
    by_host = isinstance(origin, dict) and origin.get("kind") not in (None, "human")
    if attachment.get("commandMode") not in (None, "prompt", "bash") or by_host or attachment.get("isMeta"):
        into.add(at, "harness", "notification", text)
        return
    if attachment.get("commandMode") == "bash":
        into.add(at, "human", "shell", text)
        return
    for said in claude_human.user_text(text):
        kind: Kind = "queued" if said.kind == "prompt" else said.kind
        into.add(at, said.role, kind, said.text)


def _queue(record: Mapping[str, Any], at: Position, into: Collector) -> None:
    text = record.get("content")
    if isinstance(text, list):
        text = result_text(text)
    if not isinstance(text, str) or not text.strip():
        return
    if record.get("operation") == "popAll" and into.was_queued(text):
        return  # taken back into the input line; the same words were enqueued before
    for said in claude_human.user_text(text):
        kind: Kind = "queued" if said.kind == "prompt" else said.kind
        if kind == "queued" and said.text.startswith("/"):
            kind = "command"
        into.add_queued(at, said.role, kind, said.text)
