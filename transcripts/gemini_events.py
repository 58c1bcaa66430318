"""Slim records of Gemini CLI as events."""

import re
from collections.abc import Mapping
from typing import Any

from data_models.events import Kind, Role
from transcripts.clean import parse_time
from transcripts.collect import Collector, Position, Tokens, count
from transcripts.gemini_calls import add_calls
from transcripts.gemini_parts import CONTEXT, parts_of, text_of, texts, without_hooks, workspace
from transcripts.tool_text import compact_json

_SHELL = re.compile(
    r"I ran the following shell command:\n```sh\n(.*?)\n```\n\nThis produced the following result:\n```\n(.*)\n```",
    re.DOTALL,
)
"""A command that a person typed after "!", and what it printed; the host escapes backticks and backslashes."""
_ESCAPED = re.compile(r"\\([\\`])")
_STOPPED = "Request cancelled."
_GO_ON = "Please continue."
_IN_THE_USERS_NAME = ("System: Potential loop detected.", "Here is the user's editor context")
_RECEIVED = "Got it. Thanks for the additional context!"
"""What the host has the model answer to a compaction summary."""


def add_events(record: Mapping[str, Any], at: Position, into: Collector) -> None:
    """Add the events of one slim record."""
    at.time = parse_time(record.get("timestamp"))
    at.cwd = into.session.get("cwd")
    changed = record.get("$set")
    if isinstance(changed, dict):
        _changed(changed, at, into)
    elif "$rewindTo" in record:
        into.add(at, "harness", "interrupt", "The conversation was taken back to an earlier message")
    elif isinstance(record.get("type"), str) and isinstance(record.get("id"), str):
        _message(record, at, into)
    else:
        into.unknown(at, "record type", record.get("type"))


def _message(record: Mapping[str, Any], at: Position, into: Collector) -> None:
    kind, at.uuid = record["type"], record["id"]
    is_new = into.is_new(at.uuid)
    if kind == "gemini":
        _by_agent(record, is_new, at, into)
    elif is_new and kind == "user":
        _by_user(record, at, into)
    elif is_new and kind in ("info", "warning", "error"):
        for text in texts(record.get("content")):
            said: Kind = "api_error" if kind == "error" else "interrupt" if text == _STOPPED else "output"
            into.add(at, "harness", said, text, is_error=kind == "error")
    elif is_new:
        into.unknown(at, "record type", kind)


def _by_agent(record: Mapping[str, Any], is_new: bool, at: Position, into: Collector) -> None:
    model, at.message_id = record.get("model"), at.uuid
    at.model = model if isinstance(model, str) else None
    if is_new:
        thoughts = record.get("thoughts")
        for thought in thoughts if isinstance(thoughts, list) else ():
            if words := _thought(thought):
                into.add(at, "assistant", "thinking", words)
        _said(record.get("content"), at, into)
    add_calls(record.get("toolCalls"), at, into)
    if isinstance(tokens := record.get("tokens"), dict) and at.uuid is not None:
        into.count_tokens(at.uuid, _tokens(tokens))


def _said(content: Any, at: Position, into: Collector) -> None:
    for part in parts_of(content):
        thought = isinstance(part, dict) and part.get("thought") is True
        if text := text_of(part):
            into.add(at, "assistant", "thinking" if thought else "text", text)
        else:
            _other(part, "assistant", at, into)


def _thought(thought: Any) -> str:
    said = [thought.get("subject"), thought.get("description")] if isinstance(thought, dict) else []
    return "\n".join(text for text in said if isinstance(text, str) and text)


def _tokens(stated: Mapping[str, Any]) -> Tokens:
    """The host counts cached tokens inside the input, and thoughts beside the output; an event does neither."""
    total, cached = count(stated.get("input")) or 0, count(stated.get("cached")) or 0
    spent = (count(stated.get("output")) or 0) + (count(stated.get("thoughts")) or 0)
    return Tokens(input=max(0, total - cached), output=spent, cache_read=cached)


def _by_user(record: Mapping[str, Any], at: Position, into: Collector) -> None:
    content, shown = record.get("content"), texts(record.get("displayContent"))
    if _is_hosts(texts(content), shown):
        into.add(at, "harness", "context", "\n".join(texts(content)))
        return
    for prompt in shown:
        _typed(prompt, at, into)
    named: list[str] = []  # of the files that the prompt names
    parts = parts_of(content)
    for part in parts:
        if not (text := text_of(part)):
            _other(part, "human", at, into)
        elif text.startswith(CONTEXT):
            _remember(text, at, into)
        elif shown:
            named += [text] * (text not in shown)
        # A request that was stopped is sent again with the next one, in one message.
        elif not (len(parts) > 1 and _was_said(text, into)):
            _typed(text, at, into)
    if context := without_hooks("".join(named)).strip():
        into.add(at, "harness", "context", context)


def _is_hosts(said: list[str], shown: list[str]) -> bool:
    """Whether the host tells its model to go on, in the user's name: it shows the prompt once more with that."""
    return any(text.startswith(_IN_THE_USERS_NAME) or (bool(shown) and text == _GO_ON) for text in said)


def _remember(text: str, at: Position, into: Collector) -> None:
    if folder := workspace(text):
        at.cwd = into.session.setdefault("cwd", folder)


def _typed(text: str, at: Position, into: Collector) -> None:
    if not (text := without_hooks(text)).strip():
        return
    if at.subagent:
        into.add(at, "harness", "context", text)
    elif ran := _SHELL.fullmatch(text):
        into.add(at, "human", "shell", _ESCAPED.sub(r"\1", ran[1]))
        into.add(at, "harness", "output", _ESCAPED.sub(r"\1", ran[2]))
    else:
        into.add(at, "human", "prompt", text)


def _changed(changed: Mapping[str, Any], at: Position, into: Collector) -> None:
    title, messages = changed.get("summary"), changed.get("messages")
    if isinstance(title, str) and title and not at.subagent:  # a subagent's is the head of what it reported
        into.add(at, "harness", "title", title)
    if isinstance(messages, list):
        _retold([message for message in messages if isinstance(message, dict)], at, into)
    for name in changed.keys() - {"summary", "messages"}:
        into.unknown(at, "setting", name)


def _retold(messages: list[dict[str, Any]], at: Position, into: Collector) -> None:
    """The history as the model is shown it from here on: of interest is what was not said before."""
    said = {event.text for event in into.events} | {_RECEIVED}
    for message, answer in zip(messages, [*messages, {}][1:], strict=True):
        identity = message.get("id")
        at.uuid = identity if isinstance(identity, str) else None
        is_new = into.is_new(at.uuid)
        is_summary = message.get("type") == "user" and texts(answer.get("content")) == [_RECEIVED]
        if is_new and is_summary:
            into.add(at, "harness", "compaction", "Conversation compacted")
        for text in map(without_hooks, texts(message.get("content"))):
            if text.startswith(CONTEXT):
                _remember(text, at, into)
            elif is_new and is_summary:
                into.add(at, "harness", "summary", text)
            elif is_new and text and text not in said:
                into.add(at, "harness", "context", text)


def _was_said(text: str, into: Collector) -> bool:
    return any(event.text == text for event in into.events)


def _other(part: Any, role: Role, at: Position, into: Collector) -> None:
    """Add a part that is not text, if there is anything in it."""
    if not isinstance(part, dict) or not part or "text" in part:
        return
    media = part.get("inlineData", part.get("fileData"))
    if isinstance(media, dict):
        size = f", {media['size']} bytes" if isinstance(media.get("size"), int) else ""
        into.add(at, role, "image", f"{media.get('mimeType')}{size}")
    else:
        into.unknown(at, "part", " ".join(sorted(part)))
        into.add(at, "harness", "context", compact_json(part)[:4000])
