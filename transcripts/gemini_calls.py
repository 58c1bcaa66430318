"""Gemini CLI's tool calls and their results, which stand in one record. Measured with Gemini CLI 0.61.0."""

import re
from collections.abc import Mapping
from typing import Any

import msgspec

from transcripts.collect import Collector, Position
from transcripts.gemini_parts import parts_of, text_of, without_hooks
from transcripts.tool_text import compact_json, named_file, tool_text

_LIKE = {"run_shell_command": "Bash", "replace": "Edit", "write_file": "Write"}
"""Tools whose calls read like these."""
_FOREIGN = re.compile(r"<untrusted_context>\n(.*)\n</untrusted_context>", re.DOTALL)
_GROUP = re.compile(r"\nProcess Group PGID: \d+\Z")
_EXIT_CODE = re.compile(r"^Exit Code: [1-9]", re.MULTILINE)
_REFUSED = re.compile(r"Plan rejected\. User feedback: (.*?)\n\nThe plan is stored at: ", re.DOTALL)
_OURS = "mcp-rlm-context"
_FAILED = ("error", "cancelled")


class _Answers(msgspec.Struct):
    answers: dict[str, str]


def add_calls(calls: Any, at: Position, into: Collector) -> None:
    """Add the calls of an agent's message that were not in it when it was written before."""
    for call in calls if isinstance(calls, list) else ():
        identity = call.get("id") if isinstance(call, dict) else None
        if not isinstance(identity, str) or identity in into.tools:
            continue
        tool, given = str(call.get("name")), call.get("args")
        into.tools[identity] = (tool, given)
        text, file = tool_text(_LIKE.get(tool, tool), given), named_file(_LIKE.get(tool, tool), given)
        into.add(at, "assistant", "tool_use", text, tool=tool, tool_use_id=identity, file_path=file)
        # What our own tools answer comes from transcripts, and must not come back in as knowledge.
        if not tool.replace("_", "-").startswith(_OURS):
            after = msgspec.structs.replace(at, model=None, message_id=None)
            _result(call, tool, identity, after, into)
            at.block = after.block


def _result(call: Mapping[str, Any], tool: str, identity: str, at: Position, into: Collector) -> None:
    told = (without_hooks(_told(part)) for part in parts_of(call.get("result")))
    text = "\n".join(filter(None, told))
    if tool == "ask_user" and (answers := _answers(text, call.get("args"))):
        into.add(at, "human", "answer", answers)
    elif tool == "exit_plan_mode" and (refused := _REFUSED.match(text)):
        into.add(at, "human", "plan_edit", refused[1])
    else:
        failed = tool == "run_shell_command" and _EXIT_CODE.search(text[-1000:]) is not None
        failed = failed or call.get("status") in _FAILED
        into.add(at, "tool", "tool_result", text, tool=tool, tool_use_id=identity, is_error=failed)


def _told(part: Any) -> str:
    """What a part of a result told the model."""
    answered = part.get("functionResponse") if isinstance(part, dict) else None
    if not isinstance(answered, dict):
        return text_of(part) or ""
    response = answered.get("response")
    if not isinstance(response, dict):
        return text_of(response) or ""
    said = response.get("error", response.get("output"))
    text = said if isinstance(said, str) else compact_json(response)
    return _GROUP.sub("", found[1]) if (found := _FOREIGN.fullmatch(text)) else text


def _answers(text: str, asked: Any) -> str:
    """A person's answers to the agent's questions, one "question: answer" a line."""
    try:
        answers = msgspec.json.decode(text, type=_Answers).answers
    except (msgspec.DecodeError, RecursionError):
        return ""  # dismissed
    questions = asked.get("questions") if isinstance(asked, dict) else None
    return "\n".join(f"{_question(questions, place)}: {answer}" for place, answer in answers.items())


def _question(questions: Any, place: str) -> str:
    at = int(place) if place.isdecimal() and len(place) < 4 else -1
    asked = questions[at] if isinstance(questions, list) and 0 <= at < len(questions) else None
    question = asked.get("question") if isinstance(asked, dict) else None
    return question if isinstance(question, str) else place
