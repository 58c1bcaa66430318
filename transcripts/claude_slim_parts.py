"""The large parts of a Claude Code record, decoded only where they are kept: the API message, and a tool's result.

Formats: as in `transcripts.claude_slim`, whose records hold them.
"""

from typing import Any

import msgspec

from transcripts.clean import Cleaner, without_payload

_ABSENT = msgspec.Raw()
_BLOCK_IDS = frozenset({"id", "tool_use_id"})
_BLOCK_DROPPED = frozenset({"signature", "encrypted_content", "encrypted_index", "cache_control"})


class _Usage(msgspec.Struct):
    """The counts that are kept of an API message's usage."""

    input_tokens: Any = None
    output_tokens: Any = None
    cache_creation_input_tokens: Any = None
    cache_read_input_tokens: Any = None


class _Message(msgspec.Struct):
    """The fields that are kept of a message."""

    id: Any = None
    role: Any = None
    model: Any = None
    stop_reason: Any = None
    content: Any = None
    usage: _Usage | None = None


class _ToolUseResult(msgspec.Struct):
    """What a structured result holds beyond the text of the tool_result block."""

    answers: Any = None
    annotations: Any = None
    agentId: Any = None
    planWasEdited: Any = None
    plan: msgspec.Raw = _ABSENT
    userModified: Any = None
    structuredPatch: msgspec.Raw = _ABSENT
    persistedOutputPath: Any = None
    backgroundTaskId: Any = None


_MESSAGE = msgspec.json.Decoder(_Message)
_RESULT = msgspec.json.Decoder(_ToolUseResult | str | list[msgspec.Raw] | int | float | None)
_ANY = msgspec.json.Decoder()


def slim_message(raw: msgspec.Raw, clean: Cleaner) -> Any:
    """What is kept of an API message: whose it is, its model, its blocks, and how many tokens it took."""
    try:
        message = _MESSAGE.decode(raw)
    except msgspec.ValidationError:
        return clean.value(_ANY.decode(raw))  # of a shape that no host writes: kept as it is
    slim: dict[str, Any] = {}
    if message.id is not None:
        slim["id"] = clean.identifier(message.id)
    for name in ("role", "model", "stop_reason"):
        if (value := getattr(message, name)) is not None:
            slim[name] = clean.value(value)
    content = message.content
    if isinstance(content, list):
        slim["content"] = [_block(block, clean) for block in content]
    else:
        slim["content"] = clean.value(content)
    if message.usage is not None:
        slim["usage"] = {
            name: count
            for name in _Usage.__struct_fields__
            if type(count := getattr(message.usage, name)) is int
        }
    return slim


def _block(block: Any, clean: Cleaner) -> Any:
    if not isinstance(block, dict):
        return clean.value(block)
    slim: dict[str, Any] = {}
    redacted_thinking = block.get("type") == "redacted_thinking"
    for name, value in block.items():
        if name in _BLOCK_DROPPED or (redacted_thinking and name == "data"):
            continue
        if name in _BLOCK_IDS:
            slim[name] = clean.identifier(value)
        elif name == "content" and isinstance(value, list):
            slim[name] = [_block(item, clean) for item in value]
        elif name == "source" and isinstance(value, dict):
            slim[name] = clean.value(without_payload(value))
        else:
            slim[clean.text(name)] = clean.member(name, value)
    return slim


def slim_result(raw: msgspec.Raw, clean: Cleaner) -> dict[str, Any]:
    """What stands nowhere else: answers, edited plans, edits changed by hand, ids that join other files."""
    try:
        result = _RESULT.decode(raw)
    except msgspec.ValidationError:
        return {}
    if not isinstance(result, _ToolUseResult):
        return {}  # text and lists repeat the tool_result block
    slim: dict[str, Any] = {}
    for name in ("answers", "annotations", "persistedOutputPath"):
        if value := getattr(result, name):
            slim[name] = clean.value(value)
    for name in ("agentId", "backgroundTaskId"):
        if value := getattr(result, name):
            slim[name] = clean.identifier(value)
    if result.planWasEdited is True and result.plan is not _ABSENT:
        slim["planWasEdited"] = True
        slim["plan"] = clean.value(_ANY.decode(result.plan))
    if result.userModified is True and result.structuredPatch is not _ABSENT:
        slim["userModified"] = True
        slim["structuredPatch"] = clean.value(_ANY.decode(result.structuredPatch))
    return slim
