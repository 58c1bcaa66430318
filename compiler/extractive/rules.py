"""What a project wrote down or does each time: written rules, checks, standing requests, todo lists."""

from collections.abc import Iterator
from pathlib import PurePosixPath

import msgspec

from compiler.extractive import calls, cues
from compiler.extractive.making import make
from compiler.extractive.text import sentences, shorten
from compiler.extractive.turns import Turn
from compiler.extractive.voice import own_words, stands_alone, tidy, worth
from compiler.extractive.wishes import clauses
from compiler.extractive.words import terms
from data_models.events import Event
from data_models.knowledge import Statement

_INSTRUCTIONS = frozenset(
    {"CLAUDE.md", "AGENTS.md", "GEMINI.md", "CONTRIBUTING.md", ".cursorrules", "copilot-instructions.md"}
)
TODO = "left on the todo list: "
ISSUE = "issue opened: "
_MOST_TODOS = 3
_MOST_SENTENCES = 8
_MOST_WISHES = 6


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


def requests(turn: Turn) -> Iterator[Statement]:
    """Wishes about how to work: said once they say little, over sessions and people they are a convention."""
    for event in turn.said:
        if event.kind not in ("prompt", "queued", "rejection", "command"):
            continue
        said = [
            clause
            for one in own_words(event.text, whole=True)[:_MOST_SENTENCES]
            for clause in clauses(one.text)
        ]
        for text in said[:_MOST_WISHES]:
            # The wording that names least besides the wish itself stands for the others.
            words = 0.6 if " " in text else 0.3
            yield make("pattern", text, event, max(0.05, words - 0.04 * len(terms(text)) - 0.002 * len(text)))


def checks_run(turn: Turn) -> Iterator[Statement]:
    """Each test, lint or build command of a turn once, by its name without arguments."""
    for name in dict.fromkeys(calls.check_name(check.command) for check in turn.checks):
        last = [check for check in turn.checks if calls.check_name(check.command) == name][-1]
        statement = make("pattern", f"`{name}`", last.result, 0.5)
        yield msgspec.structs.replace(statement, by="tool")


def issues_opened(turn: Turn) -> Iterator[Statement]:
    """The issues that a turn opened in a tracker: what was put off and written down."""
    for told, result in turn.issues:
        yield msgspec.structs.replace(make("open_item", f"{ISSUE}{told}", result, 4.0), by="assistant")


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
