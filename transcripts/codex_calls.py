"""Codex's calls and their results as text."""

import re
from typing import Any

import msgspec

from transcripts.tool_text import compact_json

_EXIT_CODE = re.compile(r"^(?:Process exited with code|Exit code:?) (-?\d+)", re.MULTILINE)
_PATCHED = re.compile(r"^\*\*\* (?:Update|Add|Delete) File: (.+)$", re.MULTILINE)


def texts(items: Any) -> list[str]:
    """The texts of a list of content items; what is none is passed over."""
    found = [item.get("text") for item in items if isinstance(item, dict)] if isinstance(items, list) else []
    return [text for text in found if isinstance(text, str) and text]


def decoded(arguments: str) -> Any:
    """The value of JSON in a string; the string itself where it holds none."""
    try:
        return msgspec.json.decode(arguments)
    except (msgspec.DecodeError, RecursionError):
        return arguments


def call_text(given: Any) -> str:
    """A shell call's command, a patch as it is, anything else as compact JSON."""
    if isinstance(given, str):
        return given
    if isinstance(given, dict):
        command = given.get("cmd", given.get("command"))
        if isinstance(command, list) and all(isinstance(word, str) for word in command):
            # ["bash", "-lc", script] is how the host runs a script.
            command = command[2] if command[1:2] == ["-lc"] and len(command) == 3 else " ".join(command)
        if isinstance(command, str):
            return command
        if set(given) == {"input"} and isinstance(given["input"], str):
            return given["input"]
    return compact_json(given)


def called_file(tool: str, given: Any, text: str) -> str | None:
    """The file that a call works on, where it names exactly one; `text` is what `call_text` makes of it."""
    if isinstance(given, dict):
        for key in ("file_path", "path"):
            if isinstance(given.get(key), str):
                return str(given[key])
    if tool == "apply_patch" or text.lstrip().startswith("*** Begin Patch"):
        paths = set(_PATCHED.findall(text))
        return paths.pop().strip() if len(paths) == 1 else None
    return None


def output_text(output: Any) -> tuple[str, bool]:
    """The text of an output and whether it failed: a string, JSON {output, metadata} in one, or items."""
    inner = decoded(output) if isinstance(output, str) and output.startswith("{") else output
    failed = False
    if isinstance(inner, dict) and isinstance(inner.get("output", inner.get("content")), str):
        metadata = inner.get("metadata")
        failed = inner.get("success") is False or (
            isinstance(metadata, dict) and metadata.get("exit_code") not in (0, None)
        )
        text = str(inner.get("output", inner.get("content")))
    elif isinstance(output, list):
        text = "\n".join(texts(output))
    else:
        text = output if isinstance(output, str) else compact_json(output)
    code = _EXIT_CODE.search(text[:1000])
    return text, failed or bool(code and code[1] != "0")
