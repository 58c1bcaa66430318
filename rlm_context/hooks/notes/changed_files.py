"""The files that an agent changed since its transcript was last looked at. Standard library only.

Only tool calls are read, as `transcripts` says their form: Claude Code names the file in the input of its editing
tools, Codex in the head lines of a patch.
"""

import os
import time

from rlm_context.hooks.quick_json import loads

TYPE_CHECKING = False  # typing's own costs an import
if TYPE_CHECKING:
    from collections.abc import Iterator
    from typing import Any

_MOST_BYTES = 2 << 20
"""Bytes read of what was added: a few milliseconds. Of more the end counts."""
_EDIT_TOOLS = ("Edit", "Write", "MultiEdit", "NotebookEdit")
_FILE_KEYS = ("file_path", "notebook_path")
_PATCH = b"*** Begin Patch"
_PATCHED = ("*** Update File: ", "*** Add File: ", "*** Delete File: ")


def changed_files(transcript: str, offset: int, since: float = 0) -> tuple[list[str], int]:
    """The paths of what was changed, as the agent named them, and the offset to go on from.

    Args:
        transcript: the agent's file.
        offset: how far it was read before.
        since: Unix seconds; records that are dated before do not count, as those of a session that goes on today.

    Returns:
        Each path once, the one changed last first; the offset is that of the first line that is not complete.
    """
    data, start = _added(transcript, offset)
    whole = data.rfind(b"\n") + 1
    oldest = time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(since))  # as all agents date their records
    found: dict[str, None] = {}
    for line in data[:whole].split(b"\n"):
        for path in _changed(line, oldest):
            found.pop(path, None)
            found[path] = None
    return list(reversed(found)), start + whole


def _added(transcript: str, offset: int) -> tuple[bytes, int]:
    """The end of the file after `offset`, and where it begins; all of it where the file is another one now."""
    with open(transcript, "rb") as file:
        size = os.fstat(file.fileno()).st_size
        start = max(offset if offset <= size else 0, size - _MOST_BYTES)
        file.seek(start)
        return file.read(_MOST_BYTES), start


def _changed(line: bytes, oldest: str) -> "Iterator[str]":
    is_call, is_patch = b'"tool_use"' in line, _PATCH in line
    if not is_call and not is_patch:
        return
    try:
        record = loads(line)
    except ValueError:
        return  # cut off at the front, or damaged: the upload counts it
    if not isinstance(record, dict) or str(record.get("timestamp", oldest)) < oldest:
        return
    yield from _edited(record.get("message")) if is_call else _patched(record.get("payload"))


def _edited(message: "Any") -> "Iterator[str]":
    """The files of Claude Code's editing tools in one message."""
    content = message.get("content") if isinstance(message, dict) else None
    for block in content if isinstance(content, list) else ():
        if isinstance(block, dict) and block.get("type") == "tool_use" and block.get("name") in _EDIT_TOOLS:
            given = block.get("input")
            paths = [given.get(key) for key in _FILE_KEYS] if isinstance(given, dict) else []
            yield from (path for path in paths if isinstance(path, str))


def _patched(payload: "Any") -> "Iterator[str]":
    """The files of the patches in one tool call of Codex."""
    if not isinstance(payload, dict) or not str(payload.get("type")).endswith("_call"):
        return
    for text in _texts(payload.get("input", payload.get("arguments"))):
        for line in text.split("\n"):
            for head in _PATCHED:
                if line.startswith(head):
                    yield line.removeprefix(head).strip()


def _texts(given: "Any") -> "Iterator[str]":
    """The texts of a call's arguments, which may be JSON in a text."""
    if isinstance(given, str) and given.startswith("{"):
        try:
            given = loads(given.encode("utf-8", "replace"))
        except ValueError:
            return
    for value in given.values() if isinstance(given, dict) else [given]:
        yield from (text for text in (value if isinstance(value, list) else [value]) if isinstance(text, str))
