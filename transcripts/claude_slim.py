"""Claude Code records reduced to what knowledge can come from.

About two thirds of a transcript are copies (`toolUseResult`, `rendered`), signatures, progress, snapshots
and requests as they were sent. What a human decided stands in a few fields of them; those are kept.
Formats: Claude Code 1.0 to 2.1.330.
"""

from typing import Any

import msgspec

from transcripts.claude_slim_parts import slim_message, slim_result
from transcripts.claude_vocabulary import DROPPED_ATTACHMENTS, DROPPED_SUBTYPES, DROPPED_TYPES
from transcripts.clean import Cleaner

_UNKNOWN_LIMIT = 64 * 1024
_ATTACHMENT_LIMIT = 20_000
_ABSENT = msgspec.Raw()


class _Record(msgspec.Struct):
    """The fields that may be kept; the decoder skips all others. `Raw` is decoded only if it is needed."""

    type: Any = None
    subtype: Any = None
    uuid: Any = None
    parentUuid: Any = None
    logicalParentUuid: Any = None
    timestamp: Any = None
    isSidechain: Any = None
    agentId: Any = None
    cwd: Any = None
    version: Any = None
    gitBranch: Any = None
    isMeta: Any = None
    isCompactSummary: Any = None
    isApiErrorMessage: Any = None
    error: Any = None
    errorDetails: Any = None
    origin: Any = None
    promptSource: Any = None
    turnOrigin: Any = None
    toolDenialKind: Any = None
    sourceToolUseID: Any = None
    permissionDecision: Any = None
    planContent: Any = None
    content: Any = None
    level: Any = None
    compactMetadata: Any = None
    hookErrors: Any = None
    message: msgspec.Raw = _ABSENT
    toolUseResult: msgspec.Raw = _ABSENT
    attachment: msgspec.Raw = _ABSENT


_RECORD = msgspec.json.Decoder(_Record)
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
        slim["message"] = slim_message(record.message, clean)
    if record.toolUseResult is not _ABSENT:
        result = slim_result(record.toolUseResult, clean)
        if result:
            slim["toolUseResult"] = result
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
