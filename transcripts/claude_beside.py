"""What stands beside the conversation in Claude Code: attachments and the queue of typed prompts."""

from collections.abc import Mapping
from typing import Any

from data_models.events import Kind
from transcripts import claude_human
from transcripts.claude_user import SHOWN_LIMIT, result_text
from transcripts.collect import Collector, Position
from transcripts.tool_text import compact_json


def add_attachment(record: Mapping[str, Any], at: Position, into: Collector) -> None:
    """Add what an attachment told the model; a queued prompt is a person's."""
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
        text = compact_json(attachment)[:SHOWN_LIMIT]
    if text:
        into.add(at, "harness", "context", text)


_TEXT_KEYS = ("content", "text", "snippet", "context", "stdout", "stderr", "message", "blockingError")


def _attachment_text(attachment: Mapping[str, Any]) -> str | None:
    """What an attachment told the model; None for a shape we do not know."""
    values = [attachment[key] for key in _TEXT_KEYS if key in attachment]
    if not values:
        return None
    texts = (value if isinstance(value, str) else _inner_text(value) for value in values if value)
    text = next((text for text in texts if text.strip()), "")
    name = attachment.get("filename") or attachment.get("path")
    return f"{name}\n{text}" if isinstance(name, str) and text else text


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


def add_queue_operation(record: Mapping[str, Any], at: Position, into: Collector) -> None:
    """Add text that was typed while the agent worked, unless it is delivered as a prompt too."""
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
