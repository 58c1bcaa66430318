"""Tool calls as text that people and a search index can read, holding all of the input."""

from typing import Any

import msgspec

# Knobs of the host that say nothing of the work.
_KNOBS = frozenset({"timeout", "run_in_background", "dangerouslyDisableSandbox", "replace_all"})
_FILE_KEYS = ("file_path", "notebook_path", "path", "filePath")
_FILE_TOOLS = frozenset({"Read", "Edit", "MultiEdit", "Write", "NotebookEdit", "NotebookRead", "LSP"})


def compact_json(value: Any) -> str:
    """A JSON value on one line, characters outside ASCII as they are."""
    return msgspec.json.encode(value).decode()


def named_file(tool: str, given: Any) -> str | None:
    """The file a call works on, where its input names exactly one."""
    if not isinstance(given, dict):
        return None
    for key in _FILE_KEYS:
        value = given.get(key)
        if isinstance(value, str) and value and (key != "path" or tool in _FILE_TOOLS):
            return value
    return None


def tool_text(tool: str, given: Any) -> str:
    """A readable rendering of a call's input.

    Bash: the command, and its description as a comment after it. Edit and MultiEdit: the path, then what
    was replaced after a line "--- old" and by what after "+++ new". Write: the path, then the content.
    All others: compact JSON.
    """
    if isinstance(given, str):
        return given
    if not isinstance(given, dict):
        return compact_json(given)
    render = _RENDERERS.get(tool)
    text = render(dict(given)) if render else None
    return compact_json(given) if text is None else text


def _bash(given: dict[str, Any]) -> str | None:
    command = given.pop("command", None)
    if not isinstance(command, str):
        return None
    description = given.pop("description", None)
    if isinstance(description, str) and description:
        command += f"\n# {description}"
    return _with_rest(command, given)


def _edit(given: dict[str, Any]) -> str | None:
    path, old, new = (given.pop(key, None) for key in ("file_path", "old_string", "new_string"))
    if not (isinstance(path, str) and isinstance(old, str) and isinstance(new, str)):
        return None
    return _with_rest(f"{path}\n{_change(old, new)}", given)


def _multi_edit(given: dict[str, Any]) -> str | None:
    path, edits = given.pop("file_path", None), given.pop("edits", None)
    if not isinstance(path, str) or not isinstance(edits, list):
        return None
    changes = []
    for edit in edits:
        if not isinstance(edit, dict):
            return None
        old, new = edit.get("old_string"), edit.get("new_string")
        if not (isinstance(old, str) and isinstance(new, str)):
            return None
        changes.append(_change(old, new))
    return _with_rest("\n".join([path, *changes]), given)


def _write(given: dict[str, Any]) -> str | None:
    path, content = given.pop("file_path", None), given.pop("content", None)
    if not (isinstance(path, str) and isinstance(content, str)):
        return None
    return _with_rest(f"{path}\n{content}", given)


def _change(old: str, new: str) -> str:
    return f"--- old\n{old}\n+++ new\n{new}"


def _with_rest(text: str, given: dict[str, Any]) -> str:
    rest = {key: value for key, value in given.items() if key not in _KNOBS}
    return f"{text}\n# {compact_json(rest)}" if rest else text


_RENDERERS = {"Bash": _bash, "Edit": _edit, "MultiEdit": _multi_edit, "Write": _write}
