"""Reducing Gemini CLI's records to what knowledge can come from."""

from typing import Any

from transcripts.clean import Cleaner, without_payload
from transcripts.gemini_parts import parts_of, without_listing

SETTINGS = frozenset(
    {
        "directories",
        "kind",
        "lastUpdated",
        "memoryScratchpad",
        "messages",
        "sessionId",
        "startTime",
        "summary",
    }
)
"""What `$set` is known to change."""

_PART_DROPPED = frozenset({"functionCall", "functionResponse", "thoughtSignature"})
"""Calls and their results stand in the agent's message too, as `toolCalls`."""
_CALL_FIELDS = ("name", "args", "status", "agentId")
_TOKENS = ("input", "output", "cached", "thoughts")


def slim_message(record: dict[str, Any], clean: Cleaner) -> dict[str, Any] | None:
    """A message without what repeats: signatures, a call's description, what its result looked like on screen.

    None where it only gives results back to the model, which stand in the message that called.
    """
    kept = _words(record, clean) | {"timestamp": clean.time(record.get("timestamp"))}
    if kept["type"] == "user" and kept["content"] == []:
        return None
    if record.get("displayContent") is not None:
        kept["displayContent"] = _content(record["displayContent"], clean)
    for name in ("model", "thoughts"):
        if record.get(name):
            kept[name] = clean.value(record[name])
    tokens, calls = record.get("tokens"), record.get("toolCalls")
    if isinstance(tokens, dict):
        kept["tokens"] = {name: tokens[name] for name in _TOKENS if type(tokens.get(name)) is int}
    if isinstance(calls, list):
        kept["toolCalls"] = [_call(call, clean) for call in calls if isinstance(call, dict)]
    return kept


def slim_change(changed: dict[str, Any], clean: Cleaner) -> dict[str, Any] | None:
    """A `$set` record: the session's summary and the words of a history; None where it holds neither."""
    kept = {clean.text(name): clean.value(changed[name]) for name in sorted(changed.keys() - SETTINGS)}
    if isinstance(changed.get("summary"), str):
        kept["summary"] = clean.text(changed["summary"])
    if isinstance(changed.get("messages"), list):
        kept["messages"] = [
            _words(message, clean) for message in changed["messages"] if isinstance(message, dict)
        ]
    return {"$set": kept, "timestamp": clean.time(changed.get("lastUpdated"))} if kept else None


def slim_unknown(record: dict[str, Any], clean: Cleaner) -> dict[str, Any]:
    """A record or part of a kind that is not known, cleaned."""
    times = {"timestamp": clean.time(record["timestamp"])} if "timestamp" in record else {}
    return {clean.text(name): clean.member(name, value) for name, value in record.items()} | times


def _words(message: dict[str, Any], clean: Cleaner) -> dict[str, Any]:
    return {
        "id": clean.identifier(message.get("id")),
        "type": clean.value(message.get("type")),
        "content": _content(message.get("content"), clean),
    }


def _call(call: dict[str, Any], clean: Cleaner) -> dict[str, Any]:
    kept = {name: clean.member(name, call[name]) for name in _CALL_FIELDS if call.get(name) is not None}
    told = [_told(part, clean) for part in parts_of(call.get("result"))]
    return kept | {"id": clean.identifier(call.get("id")), "result": told}


def _told(part: Any, clean: Cleaner) -> Any:
    """A part of a call's result: what the model was told."""
    response = part.get("functionResponse") if isinstance(part, dict) else None
    if not isinstance(response, dict):
        return _part(part, clean)
    kept = {"response": clean.value(response.get("response"))}
    if isinstance(response.get("parts"), list):
        kept["parts"] = _content(response["parts"], clean)
    return {"functionResponse": kept}


def _content(content: Any, clean: Cleaner) -> Any:
    if isinstance(content, list):
        return [kept for part in content if (kept := _part(part, clean)) not in ({}, None)]
    return _part(content, clean)


def _part(part: Any, clean: Cleaner) -> Any:
    if isinstance(part, str):
        return clean.text(without_listing(part))
    if not isinstance(part, dict):
        return clean.value(part)
    kept = {name: value for name, value in part.items() if name not in _PART_DROPPED}
    if isinstance(kept.get("text"), str):
        kept["text"] = without_listing(kept["text"])
    if isinstance(kept.get("inlineData"), dict):
        kept["inlineData"] = without_payload(kept["inlineData"])
    return slim_unknown(kept, clean)
