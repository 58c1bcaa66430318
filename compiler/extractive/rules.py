"""What a project wrote down or does each time: written rules, checks, standing requests, todo lists."""

import re
from collections.abc import Iterator
from pathlib import PurePosixPath

import msgspec

from compiler.extractive import calls, cues
from compiler.extractive.making import make
from compiler.extractive.text import sentences, shorten
from compiler.extractive.turns import Turn
from compiler.extractive.voice import stands_alone, tidy, worth
from compiler.extractive.words import terms
from data_models.events import Event
from data_models.knowledge import Statement

_INSTRUCTIONS = frozenset(
    {"CLAUDE.md", "AGENTS.md", "GEMINI.md", "CONTRIBUTING.md", ".cursorrules", "copilot-instructions.md"}
)
_REQUEST = re.compile(
    r"^\W*(?:(?:please|ok(?:ay)?|and|now|then|yes|yeah|also|before we \w+)\b,?\s+)*(?:(?:can|could"
    r"|would|should) (?:we|you)|let'?s|please|add|write|run"
    r"|commit|push|create|open|update|reply|respond|review|fix|make sure|don'?t|do not|keep|explain"
    r"|summari[sz]e|use|rebase|squash)\b",
    re.I,
)
_NEGATIVE = re.compile(r"\b(?:don'?t|do not|not|no|without|never)\b", re.I)
_PROCESS_WORDS = """
    test lint commit push pull pr review doc documentation changelog readme rebase merge squash plan format
    subagent comment issue ticket draft summary ci typecheck benchmark integration unit reply
"""
_PROCESS = frozenset(_PROCESS_WORDS.split())
_SAME = {"documentation": "doc", "pull": "pr", "respond": "reply"}
_DOES = {
    **dict.fromkeys(("add", "write", "create", "craft", "include", "open"), "add"),
    **dict.fromkeys(("remove", "delete", "drop"), "remove"),
    **dict.fromkeys(("check", "verify"), "check"),
    **dict.fromkeys(("reply", "respond"), "reply"),
    **{verb: verb for verb in ("fix", "run", "review", "commit", "push", "update", "explain")},
}
_VERB = re.compile(rf"\b(?:{'|'.join(_DOES)})\b", re.I)
TODO = "left on the todo list: "
_MOST_TODOS = 3
_LONGEST_REQUEST = 110


def written_rules(turn: Turn) -> Iterator[Statement]:
    """Sentences with a rule in them that an edit added to an instruction file (CLAUDE.md and its like)."""
    for call in turn.calls:
        if call.tool not in calls.EDIT_TOOLS or PurePosixPath(call.file_path or "").name not in _INSTRUCTIONS:
            continue
        old, added = _change(call.text)
        for sentence in sentences(added):
            text = tidy(sentence.text)
            if (
                sentence.text not in old
                and cues.STRICT.search(text)
                and stands_alone(text)
                and len(text) < 300
            ):
                yield make("pattern", text, call, 3.0 + worth(text))


def _change(text: str) -> tuple[str, str]:
    """What an edit took out and put in, from its text as `transcripts` renders it."""
    _, _, rest = text.partition("\n")
    if not rest.startswith("--- old\n"):
        return "", rest
    old, _, new = rest.removeprefix("--- old\n").partition("\n+++ new\n")
    return old, new


def habit(statement: Statement) -> frozenset[str] | None:
    """What a short standing request is about ("can we add tests?" gives {"test"}), None for anything else."""
    text = statement.text
    if statement.kind != "pattern" or statement.by != "human" or len(text) > _LONGEST_REQUEST:
        return None
    if not _REQUEST.match(text) or cues.RULE.search(text):
        return None
    verb = _VERB.search(text)
    about = {_SAME.get(term, term) for term in terms(text)} & _PROCESS
    if not about:
        return None
    return frozenset(
        about
        | {_DOES.get(verb[0].lower(), "") if verb else ""}
        | ({"not"} if _NEGATIVE.search(text) else set())
    )


def requests(turn: Turn) -> Iterator[Statement]:
    """Short requests about how to work: alone they say little, over many sessions they are a convention."""
    for event in turn.said:
        text = " ".join(event.text.split())
        if event.kind in ("prompt", "queued", "rejection") and 8 < len(text) <= _LONGEST_REQUEST:
            # The wording that names least besides the request itself stands for the others.
            words = 0.6 if " " in text else 0.3
            weight = words - 0.06 * len(terms(text) - _PROCESS) - 0.002 * len(text)
            statement = make("pattern", text, event, weight)
            if habit(statement):
                yield statement


def checks_run(turn: Turn) -> Iterator[Statement]:
    """Each test, lint or build command of a turn once, by its name without arguments."""
    for name in dict.fromkeys(calls.check_name(check.command) for check in turn.checks):
        last = [check for check in turn.checks if calls.check_name(check.command) == name][-1]
        statement = make("pattern", f"`{name}`", last.result, 0.5)
        yield msgspec.structs.replace(statement, by="tool")


def todo_items(turns: list[Turn]) -> Iterator[Statement]:
    """What the last todo list of these turns leaves unfinished, checks and summaries left out."""
    last: Event | None = None
    for turn in turns:
        for call in turn.calls:
            if call.tool in ("TodoWrite", "update_plan"):
                last = call
    if last is None:
        return
    given = calls.arguments(last)
    items = given.get("todos", given.get("plan", []))
    left = [
        shorten(tidy(str(item.get("content", item.get("step", "")))), 90)
        for item in (items if isinstance(items, list) else [])
        if isinstance(item, dict) and item.get("status") in ("pending", "in_progress")
    ]
    left = [text for text in left if len(text) > 12 and not cues.TRIVIA.search(text)]
    if left:
        yield make("open_item", f"{TODO}{'; '.join(left[:_MOST_TODOS])}", last, 1.2 + worth(left[0]))
