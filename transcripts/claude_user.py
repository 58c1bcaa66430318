"""User records of Claude Code as events: prompts, the host's texts in their place, results of tools."""

from collections.abc import Mapping
from typing import Any

from transcripts import claude_human
from transcripts.collect import Collector, Position
from transcripts.tool_text import compact_json, named_file

SHOWN_LIMIT = 4000


def add_user(record: Mapping[str, Any], at: Position, into: Collector) -> None:
    """Add the events of a user record."""
    message = record.get("message")
    if not isinstance(message, dict):
        into.unknown(at, "message in record type", "user")
        return
    content = message.get("content")
    result = record.get("toolUseResult")
    for block in content if isinstance(content, list) else [content]:
        _user_block(block, record, result if isinstance(result, dict) else {}, at, into)


def _user_block(
    block: Any, record: Mapping[str, Any], result: Mapping[str, Any], at: Position, into: Collector
) -> None:
    if isinstance(block, str):
        add_user_text(block, record, at, into)
        return
    kind = block.get("type") if isinstance(block, dict) else None
    if kind == "text" and isinstance(block.get("text"), str):
        add_user_text(block["text"], record, at, into)
    elif kind == "tool_result":
        add_tool_result(block, result, at, into)
    elif kind in ("image", "document"):
        into.add(at, "harness" if _is_host_text(record, at) else "human", "image", media_text(block))
    else:
        add_unknown_block(block, "user", at, into)


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


def add_user_text(text: str, record: Mapping[str, Any], at: Position, into: Collector) -> None:
    """Add the stretches of one text, each as the person's or the host's."""
    if record.get("isCompactSummary") is True:
        into.add(at, "harness", "summary", text)
        return
    host = _is_host_text(record, at)
    for said in claude_human.user_text(text):
        role, kind = said.role, said.kind
        if role == "human" and host:
            role, kind = "harness", "notification" if _is_notification(record) else "context"
        into.add(at, role, kind, said.text)


def add_tool_result(
    block: Mapping[str, Any], result: Mapping[str, Any], at: Position, into: Collector
) -> None:
    """Add a result, its images, and the words of a person that stand in it."""
    tool_id = text_or_none(block.get("tool_use_id"))
    tool, given = into.tools.get(tool_id or "", (None, None))
    content = block.get("content")
    text = result_text(content)
    failed = block.get("is_error") is True
    event = into.add(at, "tool", "tool_result", text, tool=tool, tool_use_id=tool_id, is_error=failed)
    if event is not None:
        into.note_persisted(event, result.get("persistedOutputPath"))
    for item in content if isinstance(content, list) else []:
        if isinstance(item, dict) and item.get("type") in ("image", "document"):
            into.add(at, "tool", "image", media_text(item), tool=tool, tool_use_id=tool_id)
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
    elif tool in ("AskUserQuestion", None) and (words := claude_human.answers(text, result)):
        into.add(at, "human", "answer", words, **more)
    elif tool in ("ExitPlanMode", None) and (words := claude_human.plan_decision(text, result, given)):
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


def media_text(block: Mapping[str, Any]) -> str:
    """An image or document as its media type and size."""
    source = block.get("source")
    source = source if isinstance(source, dict) else {}
    kind = source.get("media_type") or source.get("type") or block.get("type")
    size = source.get("size")
    return f"{kind}, {size} bytes" if isinstance(size, int) else str(kind)


def add_unknown_block(block: Any, where: str, at: Position, into: Collector) -> None:
    """Count a block of an unknown type, and keep the beginning of what it says."""
    name = block.get("type") if isinstance(block, dict) else None
    into.unknown(at, f"{where} block type", name)
    into.add(at, "harness", "context", compact_json(block)[:SHOWN_LIMIT])


def text_or_none(value: Any) -> str | None:
    """A field that should be a string."""
    return value if isinstance(value, str) else None
