"""What Codex records of a turn besides the model's own items: what its scripts ran, and what a person answered.

Newer models call one tool, `exec`, with a script that calls the others. These leave no response item: only the event
item_completed tells what was run and which files changed. Its item has an id that starts with "exec-" then, and else
the call_id of the response item that it repeats. Measured with Codex 0.169.0.
"""

from collections.abc import Mapping
from typing import Any

from transcripts.clean import Cleaner
from transcripts.codex_calls import call_text, texts
from transcripts.collect import Collector, Position
from transcripts.tool_text import compact_json

ANSWER = "verified_answer"
"""The one kind of retained_context that is known."""
_FIELDS: Mapping[str, tuple[str, ...]] = {
    "CommandExecution": ("command", "exit_code", "aggregated_output"),
    "FileChange": ("changes", "status"),
    "McpToolCall": ("server", "tool", "arguments", "result"),
}
_INSIDE = "exec-"
_HEADINGS = {"add": "Add", "update": "Update", "delete": "Delete"}
_SCRIPT = "exec"
_OURS = "rlm-context"


def slim_completed(payload: Mapping[str, Any], clean: Cleaner) -> dict[str, Any] | None:
    """What is kept of an item_completed event; None where response items say the same."""
    item = payload.get("item")
    if not isinstance(item, dict) or not str(item.get("id")).startswith(_INSIDE):
        return None
    kind = item.get("type")
    names = _FIELDS.get(kind) if isinstance(kind, str) else None
    if names is None:
        return None
    kept = {name: _slim(name, item[name], clean) for name in names if item.get(name) is not None}
    return {"type": "item_completed", "item": {"type": kind, "id": clean.identifier(item["id"]), **kept}}


def _slim(name: str, value: Any, clean: Cleaner) -> Any:
    if name == "changes" and isinstance(value, dict):  # the script holds the patch itself
        return {clean.text(path): _change_kind(change) for path, change in value.items()}
    return clean.member(name, value)


def _change_kind(change: Any) -> str:
    kind = change.get("type") if isinstance(change, dict) else None
    return kind if isinstance(kind, str) and kind in _HEADINGS else "update"


def slim_retained(payload: Mapping[str, Any], clean: Cleaner) -> dict[str, Any]:
    """What is kept of a retained_context record: a person's answers to the agent's questions."""
    kept = {"type": clean.text(str(payload.get("type")))}
    return kept | {name: clean.value(payload[name]) for name in ("questions",) if name in payload}


def add_completed(item: Any, at: Position, into: Collector) -> None:
    """Add what a script of the agent ran: a call and its result."""
    if not isinstance(item, dict):
        return
    identity, kind = item.get("id"), item.get("type")
    call_id = identity if isinstance(identity, str) else None
    at.model = into.session.get("model")
    if kind == "CommandExecution":
        given = {"command": item.get("command")}
        _call("exec_command", call_text(given), call_id, at, into)
        output = item.get("aggregated_output")
        failed = item.get("exit_code") not in (0, None)
        _result("exec_command", output if isinstance(output, str) else "", failed, call_id, at, into)
    elif kind == "FileChange":
        _file_changes(item, call_id, at, into)
    elif kind == "McpToolCall":
        _mcp_call(item, call_id, at, into)


def _mcp_call(item: Mapping[str, Any], call_id: str | None, at: Position, into: Collector) -> None:
    tool, result = f"{item.get('server')}/{item.get('tool')}", item.get("result")
    result = result if isinstance(result, dict) else {}
    _call(tool, compact_json(item.get("arguments")), call_id, at, into)
    if is_ours(item.get("server")):
        into.session["asked_us"] = _SCRIPT
    else:
        text = "\n".join(texts(result.get("content")))
        _result(tool, text, result.get("isError") is True, call_id, at, into)


def _file_changes(item: Mapping[str, Any], call_id: str | None, at: Position, into: Collector) -> None:
    changes = item.get("changes")
    for path, change in changes.items() if isinstance(changes, dict) else ():
        text = f"*** {_HEADINGS.get(str(change), 'Update')} File: {path}"
        _call("apply_patch", text, call_id, at, into, file_path=path)
    if item.get("status") == "failed":
        _result("apply_patch", "the patch failed", True, call_id, at, into)


def _call(
    tool: str, text: str, call_id: str | None, at: Position, into: Collector, file_path: str | None = None
) -> None:
    into.add(at, "assistant", "tool_use", text, tool=tool, tool_use_id=call_id, file_path=file_path)


def _result(tool: str, text: str, failed: bool, call_id: str | None, at: Position, into: Collector) -> None:
    at.model = None
    into.add(at, "tool", "tool_result", text, tool=tool, tool_use_id=call_id, is_error=failed)


def is_ours(server: object) -> bool:
    """Whether a name is that of our own MCP server, also as Codex writes it for its model.

    What its tools answer comes from transcripts, and must not come back in as knowledge.
    """
    return isinstance(server, str) and server.replace("_", "-").removeprefix("mcp--").startswith(_OURS)


def takes_our_words(tool: str | None, into: Collector) -> bool:
    """Whether the result of a script holds what our own tools told it; asked once a result."""
    return tool == _SCRIPT and into.session.pop("asked_us", None) is not None


def add_retained(payload: Mapping[str, Any], at: Position, into: Collector) -> None:
    """Add a person's answers, one "question: answer" a line."""
    if payload.get("type") != ANSWER:
        into.unknown(at, "retained context", payload.get("type"))
        return
    questions = payload.get("questions")
    lines = [
        f"{str(each.get('question', '')).partition(chr(10))[0]}: {each['answer']}"  # options follow it
        for each in (questions if isinstance(questions, list) else ())
        if isinstance(each, dict) and isinstance(each.get("answer"), str)
    ]
    if lines:
        into.add(at, "human", "answer", "\n".join(lines))
