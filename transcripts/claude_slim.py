"""Claude Code records reduced to what knowledge can come from.

About two thirds of a transcript are copies (`toolUseResult`, `rendered`), signatures, progress, snapshots
and requests as they were sent. What a human decided stands in a few fields of them; those are kept.
Formats: Claude Code 1.0 to 2.1.330.
"""

from typing import Any

import msgspec

from transcripts.claude_vocabulary import DROPPED_ATTACHMENTS, DROPPED_SUBTYPES, DROPPED_TYPES
from transcripts.clean import Cleaner, without_payload

_UNKNOWN_LIMIT = 64 * 1024
_ATTACHMENT_LIMIT = 20_000
_ABSENT = msgspec.Raw()


class _Record(msgspec.Struct):
    """The fields that may be kept; the decoder skips all others. `Raw` is decoded only if it is needed."""

    type: Any = None
    subtype: Any = None
    uuid: Any = None
    parentUuid: Any = None  # noqa: N815 - the host's names
    logicalParentUuid: Any = None  # noqa: N815
    timestamp: Any = None
    isSidechain: Any = None  # noqa: N815
    agentId: Any = None  # noqa: N815
    cwd: Any = None
    version: Any = None
    gitBranch: Any = None  # noqa: N815
    isMeta: Any = None  # noqa: N815
    isCompactSummary: Any = None  # noqa: N815
    isApiErrorMessage: Any = None  # noqa: N815
    error: Any = None
    errorDetails: Any = None  # noqa: N815
    origin: Any = None
    promptSource: Any = None  # noqa: N815
    turnOrigin: Any = None  # noqa: N815
    toolDenialKind: Any = None  # noqa: N815
    sourceToolUseID: Any = None  # noqa: N815
    permissionDecision: Any = None  # noqa: N815
    planContent: Any = None  # noqa: N815
    content: Any = None
    level: Any = None
    compactMetadata: Any = None  # noqa: N815
    hookErrors: Any = None  # noqa: N815
    message: msgspec.Raw = _ABSENT
    toolUseResult: msgspec.Raw = _ABSENT  # noqa: N815
    attachment: msgspec.Raw = _ABSENT


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
    agentId: Any = None  # noqa: N815
    planWasEdited: Any = None  # noqa: N815
    plan: msgspec.Raw = _ABSENT
    userModified: Any = None  # noqa: N815
    structuredPatch: msgspec.Raw = _ABSENT  # noqa: N815
    persistedOutputPath: Any = None  # noqa: N815
    backgroundTaskId: Any = None  # noqa: N815


_RECORD = msgspec.json.Decoder(_Record)
_MESSAGE = msgspec.json.Decoder(_Message)
_RESULT = msgspec.json.Decoder(_ToolUseResult | str | list[msgspec.Raw] | int | float | None)
_ANY = msgspec.json.Decoder()


def slim_record(line: bytes, clean: Cleaner) -> dict[str, Any] | None:
    """One raw line as a slim record, or None where there is nothing to keep.

    Raises:
        msgspec.DecodeError: the line is not a JSON object (also UnicodeDecodeError, RecursionError).
    """
    record = _RECORD.decode(line)
    kind = record.type
    if kind == "assistant" or kind == "user":
        return _message_record(record, clean)
    if not isinstance(kind, str):
        return _whole(line, clean)
    if kind in DROPPED_TYPES:
        return None
    if kind == "system":
        return _system(record, clean)
    if kind == "attachment":
        return _attachment(record, clean)
    return _whole(line, clean)


def _base(record: _Record, clean: Cleaner) -> dict[str, Any]:
    """The fields that all message-like records share, without those that say nothing."""
    base: dict[str, Any] = {"type": record.type, "uuid": clean.identifier(record.uuid)}
    if record.parentUuid is not None:
        base["parentUuid"] = clean.identifier(record.parentUuid)
    base["timestamp"] = clean.time(record.timestamp)
    if record.cwd:
        base["cwd"] = clean.value(record.cwd)
    if record.gitBranch:
        base["gitBranch"] = clean.value(record.gitBranch)
    if record.version:
        base["version"] = clean.value(record.version)
    if record.agentId is not None:
        base["agentId"] = clean.identifier(record.agentId)
    if record.isSidechain is True:
        base["isSidechain"] = True
    if record.isMeta is True:
        base["isMeta"] = True
    return base


_MESSAGE_FIELDS = (
    "isCompactSummary",
    "isApiErrorMessage",
    "error",
    "errorDetails",
    "origin",
    "promptSource",
    "turnOrigin",
    "toolDenialKind",
    "planContent",
)


def _message_record(record: _Record, clean: Cleaner) -> dict[str, Any]:
    slim = _base(record, clean)
    for name in _MESSAGE_FIELDS:
        if value := getattr(record, name):
            slim[name] = clean.value(value)
    if record.sourceToolUseID is not None:
        slim["sourceToolUseID"] = clean.identifier(record.sourceToolUseID)
    decision = record.permissionDecision
    if isinstance(decision, dict) and decision.get("source") != "config":
        slim["permissionDecision"] = clean.value(decision)
    if record.message is not _ABSENT:
        slim["message"] = _message(record.message, clean)
    if record.toolUseResult is not _ABSENT:
        result = _tool_use_result(record.toolUseResult, clean)
        if result:
            slim["toolUseResult"] = result
    return slim


def _message(raw: msgspec.Raw, clean: Cleaner) -> Any:
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


_BLOCK_IDS = frozenset({"id", "tool_use_id"})
_BLOCK_DROPPED = frozenset({"signature", "encrypted_content", "encrypted_index", "cache_control"})


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


def _tool_use_result(raw: msgspec.Raw, clean: Cleaner) -> dict[str, Any]:
    """What stands only here: answers, edited plans, edits changed by hand, ids that join other files."""
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


def _system(record: _Record, clean: Cleaner) -> dict[str, Any] | None:
    if isinstance(record.subtype, str) and record.subtype in DROPPED_SUBTYPES:
        return None
    if record.subtype == "stop_hook_summary" and not record.hookErrors:
        return None
    slim = _base(record, clean)
    for name in ("subtype", "content", "level", "compactMetadata", "hookErrors", "logicalParentUuid"):
        if value := getattr(record, name):
            slim[name] = clean.value(value)
    error = record.error
    if isinstance(error, dict):
        # Headers and connection details say nothing; status, message and the service's answer do.
        error = {name: error[name] for name in ("status", "message", "error") if name in error}
    if error:
        slim["error"] = clean.value(error)
    return slim


def _attachment(record: _Record, clean: Cleaner) -> dict[str, Any] | None:
    attachment = _ANY.decode(record.attachment) if record.attachment is not _ABSENT else None
    if not isinstance(attachment, dict):
        return None
    kind = attachment.get("type")
    if isinstance(kind, str) and kind in DROPPED_ATTACHMENTS:
        return None
    if is_session_start(attachment):
        return None
    slim = _base(record, clean)
    slim["attachment"] = _clipped(clean.value(attachment))  # cut last: half a secret is not recognised
    return slim


def is_session_start(attachment: dict[str, Any]) -> bool:
    """Whether an attachment is output of a SessionStart hook: our own context, or another tool's."""
    return any(str(attachment.get(name, "")).startswith("SessionStart") for name in ("hookEvent", "hookName"))


def _whole(line: bytes, clean: Cleaner) -> dict[str, Any]:
    """A small or unknown record with everything in it; of a large unknown one only what names it."""
    record = _ANY.decode(line)
    if len(line) > _UNKNOWN_LIMIT:
        record = {name: record[name] for name in ("type", "uuid", "timestamp") if name in record}
    return {
        clean.text(name): clean.identifier(value)
        if name.lower().endswith(("uuid", "id"))
        else clean.time(value)
        if name == "timestamp"
        else clean.member(name, value)
        for name, value in record.items()
    }


def _clipped(value: Any) -> Any:
    """Long texts of an attachment shortened to their head: a file that was attached is in the repository."""
    if isinstance(value, str):
        if len(value) <= _ATTACHMENT_LIMIT:
            return value
        return f"{value[:_ATTACHMENT_LIMIT]}\n[{len(value) - _ATTACHMENT_LIMIT} characters left out]"
    if isinstance(value, dict):
        return {key: _clipped(item) for key, item in value.items()}
    if isinstance(value, list):
        return [_clipped(item) for item in value]
    return value
