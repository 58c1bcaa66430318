"""Slim Codex records as events."""

import re
from collections.abc import Mapping
from typing import Any

from data_models.events import Event
from transcripts.clean import parse_time
from transcripts.codex_calls import call_text, called_file, decoded, output_text, texts
from transcripts.codex_items import add_completed, add_retained, is_ours, takes_our_words
from transcripts.collect import Collector, Position, count
from transcripts.tool_text import compact_json

_HOST_TEXT = (
    "<environment_context>",
    "<user_instructions>",
    "<INSTRUCTIONS>",
    "<permissions",
    "<skills",
    "<turn_aborted>",
    "# AGENTS.md instructions",
)
_IMAGE_MARK = re.compile(r"</?image\b[^>]*>\Z")
"""What the host puts before and after a picture."""
_SHELL = re.compile(r"<command>\n(.*?)\n</command>\n<result>\n(.*)\n</result>", re.DOTALL)
"""A command that a person typed after "!", and what it printed."""


def add_events(record: Mapping[str, Any], at: Position, into: Collector) -> None:
    """Add the events of one slim record."""
    payload = record.get("payload")
    kind = record.get("type")
    if not isinstance(payload, dict):
        into.unknown(at, "record type", kind)
        return
    at.time = parse_time(record.get("timestamp"))
    if kind in ("session_meta", "turn_context"):
        _remember(payload, into)
        return
    _place(at, into)
    if kind == "response_item":
        _item(payload, at, into)
    elif kind == "event_msg":
        _event_message(payload, at, into)
    elif kind == "token_usage_record":
        into.session["usage"] = "token_usage_record"
        _tokens(payload.get("usage"), into)
    elif kind == "compacted":
        into.add(at, "harness", "compaction", "Conversation compacted")
        if isinstance(payload.get("message"), str) and payload["message"]:
            into.add(at, "harness", "summary", payload["message"])
    elif kind == "retained_context":
        add_retained(payload, at, into)
    else:
        into.unknown(at, "record type", kind)


def _remember(payload: Mapping[str, Any], into: Collector) -> None:
    git = payload.get("git")
    stated = {
        "cwd": payload.get("cwd"),
        "model": payload.get("model"),
        "version": payload.get("cli_version"),
        "branch": git.get("branch") if isinstance(git, dict) else None,
    }
    into.session.update({name: value for name, value in stated.items() if isinstance(value, str)})


def _place(at: Position, into: Collector) -> None:
    at.cwd = into.session.get("cwd")
    at.git_branch = into.session.get("branch")
    at.host_version = into.session.get("version")


def _item(payload: Mapping[str, Any], at: Position, into: Collector) -> None:
    identity = payload.get("id")
    at.uuid = identity if isinstance(identity, str) else None
    if not into.is_new(at.uuid) and at.subagent:
        return  # a spawned agent's file begins with a copy of what its parent knew
    kind = payload.get("type")
    if kind == "message":
        _message(payload, at, into)
    elif kind == "reasoning":
        at.model = into.session.get("model")
        for text in texts(payload.get("summary")) + texts(payload.get("content")):
            into.add(at, "assistant", "thinking", text)
    elif kind in ("function_call", "custom_tool_call", "local_shell_call", "web_search_call"):
        _call(payload, at, into)
    elif kind in ("function_call_output", "custom_tool_call_output"):
        _output(payload, at, into)
    elif kind == "agent_message":
        into.add(at, "harness", "context", "\n".join(texts(payload.get("content"))))
    else:
        into.unknown(at, "item type", kind)
        into.add(at, "harness", "context", compact_json(payload)[:4000])


def _message(payload: Mapping[str, Any], at: Position, into: Collector) -> None:
    content, kinds = payload.get("content"), payload.get("content_item_kinds")
    by_agent = payload.get("role") == "assistant"
    if by_agent:
        at.model = into.session.get("model")
        at.message_id = at.uuid
    for place, item in enumerate(content if isinstance(content, list) else [content]):
        text = item.get("text") if isinstance(item, dict) else item
        kind = kinds[place] if isinstance(kinds, list) and place < len(kinds) else None
        if isinstance(item, dict) and item.get("type") in ("input_image", "output_image"):
            into.add(at, "assistant" if by_agent else "human", "image", _media(item))
        elif not isinstance(text, str):
            into.unknown(at, "content type", item.get("type") if isinstance(item, dict) else None)
        elif by_agent:
            into.add(at, "assistant", "text", text)
        else:
            _user_text(text, kind, at, into)


def _user_text(text: str, kind: Any, at: Position, into: Collector) -> None:
    if kind == "hooks.additional_context" or _IMAGE_MARK.match(text):
        return  # what a hook injected, ours among it; or what stands around a picture
    if kind == "shell.user_command" and (ran := _SHELL.search(text)):
        into.add(at, "human", "shell", ran[1])
        into.add(at, "harness", "output", ran[2])
        return
    typed = kind == "user.text" or (kind in (None, "unknown") and not text.lstrip().startswith(_HOST_TEXT))
    if typed and not at.subagent:
        into.add(at, "human", "prompt", text)
    else:
        into.add(at, "harness", "context", text)


def _media(item: Mapping[str, Any]) -> str:
    source = item.get("source")
    if isinstance(source, dict) and isinstance(source.get("size"), int):
        return f"{source.get('media_type')}, {source['size']} bytes"
    return "image"


def _call(payload: Mapping[str, Any], at: Position, into: Collector) -> None:
    at.model = into.session.get("model")
    kind = payload.get("type")
    name = payload.get("name")
    tool = name if isinstance(name, str) else str(kind).removesuffix("_call")
    given: Any = payload.get("arguments", payload.get("input", payload.get("action")))
    if isinstance(given, str) and kind == "function_call":
        given = decoded(given)
    call_id = payload.get("call_id")
    call_id = call_id if isinstance(call_id, str) else None
    if call_id is not None:
        into.tools[call_id] = (tool, payload.get("namespace"))
    text = call_text(given)
    into.add(
        at,
        "assistant",
        "tool_use",
        text,
        tool=tool,
        tool_use_id=call_id,
        file_path=called_file(tool, given, text),
    )


def _output(payload: Mapping[str, Any], at: Position, into: Collector) -> None:
    call_id = payload.get("call_id")
    call_id = call_id if isinstance(call_id, str) else None
    tool, namespace = into.tools.get(call_id or "", (None, None))
    if is_ours(namespace) or takes_our_words(tool, into):
        return
    text, failed = output_text(payload.get("output"))
    into.add(at, "tool", "tool_result", text, tool=tool, tool_use_id=call_id, is_error=failed)


def _event_message(payload: Mapping[str, Any], at: Position, into: Collector) -> None:
    kind, message = payload.get("type"), payload.get("message")
    if kind in ("error", "stream_error"):
        into.add(at, "harness", "api_error", message if isinstance(message, str) else "error", is_error=True)
    elif kind == "turn_aborted":
        into.add(at, "harness", "interrupt", f"Turn aborted: {payload.get('reason') or 'interrupted'}")
    elif kind == "context_compacted":
        into.add(at, "harness", "compaction", "Conversation compacted")
    elif kind == "item_completed":
        add_completed(payload.get("item"), at, into)
    elif kind == "token_count":
        if "usage" not in into.session:
            _tokens(payload.get("usage"), into)
    else:
        into.unknown(at, "event type", kind)


def _tokens(usage: Any, into: Collector) -> None:
    """Put one response's counts on the agent's last event before them that has none."""
    if not isinstance(usage, dict):
        return
    event = _last_without_tokens(into.events)
    if event is None:
        return
    cached = count(usage.get("cached_input_tokens")) or 0
    total = count(usage.get("input_tokens")) or 0
    # The host counts cached tokens inside the input; an event holds what was not cached.
    event.input_tokens = max(0, total - cached)
    event.output_tokens = count(usage.get("output_tokens")) or 0
    event.cache_read_tokens = cached
    event.cache_write_tokens = count(usage.get("cache_write_input_tokens")) or 0


def _last_without_tokens(events: list[Event]) -> Event | None:
    for event in reversed(events):
        if event.role == "human" or event.input_tokens is not None:
            return None
        if event.role == "assistant":
            return event
    return None
