"""What a Claude Code record holds that this version does not know.

Fields are checked where only known ones are kept (message-like records and their message); records that
are dropped or kept whole cannot lose a field.
"""

from collections.abc import Iterator, Mapping
from typing import Any

from transcripts.agent import Unknown
from transcripts.claude_vocabulary import (
    BASE_FIELDS,
    BLOCKS,
    DROPPED_ATTACHMENTS,
    DROPPED_SUBTYPES,
    DROPPED_TYPES,
    KEPT_ATTACHMENTS,
    KEPT_SUBTYPES,
    MESSAGE_FIELDS,
    MESSAGE_LIKE,
    SMALL_TYPES,
)


def unknown(record: Mapping[str, Any]) -> Iterator[Unknown]:
    """Unknown record types, subtypes, attachment types, block types and fields of one raw record."""
    stated = record.get("version")
    version = stated if isinstance(stated, str) else ""
    return (Unknown(version, what) for what in _findings(record))


def _findings(record: Mapping[str, Any]) -> Iterator[str]:
    kind = _word(record.get("type"))
    if kind in DROPPED_TYPES or kind in SMALL_TYPES:
        return
    if kind not in MESSAGE_LIKE:
        yield f"record type {kind}"
        return
    for field in sorted(record.keys() - BASE_FIELDS - MESSAGE_LIKE[kind]):
        yield f"{kind} field {field}"
    if kind == "system" and (subtype := _word(record.get("subtype"))) not in DROPPED_SUBTYPES | KEPT_SUBTYPES:
        yield f"system subtype {subtype}"
    attachment = record.get("attachment")
    if isinstance(attachment, dict):
        name = _word(attachment.get("type"))
        if name not in DROPPED_ATTACHMENTS | KEPT_ATTACHMENTS:
            yield f"attachment type {name}"
    message = record.get("message")
    if isinstance(message, dict):
        for field in sorted(message.keys() - MESSAGE_FIELDS):
            yield f"message field {field}"
        yield from _blocks(kind, message.get("content"))


def _blocks(where: str, content: Any) -> Iterator[str]:
    for block in content if isinstance(content, list) else []:
        name = _word(block.get("type")) if isinstance(block, dict) else f"({type(block).__name__})"
        if name not in BLOCKS:
            yield f"{where} block type {name}"
        elif name in ("tool_result", "mcp_tool_result"):
            yield from _blocks(f"{name} in {where}", block.get("content"))


def _word(value: Any) -> str:
    return value if isinstance(value, str) else f"({type(value).__name__})"
