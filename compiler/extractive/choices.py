"""What people chose: answers to the agent's questions, options by number, plans approved or handed over."""

import re
from collections.abc import Iterator
from typing import Any

from compiler.extractive import cues
from compiler.extractive.calls import arguments
from compiler.extractive.making import make
from compiler.extractive.text import sentences, shorten, strip_markup
from compiler.extractive.turns import Turn
from compiler.extractive.voice import tidy, worth
from compiler.extractive.words import terms
from data_models.events import Event
from data_models.knowledge import Statement

PARAPHRASED = ("chose", "approved", "changed and approved", "implement the plan")
"""How a person's statement begins where it is not in the person's own words."""

_LONGEST = 240
_SHORTEST_OPTION = 30
_LONGEST_CHOICE = 400
_OPTIONS_AT_THE_END = 6_000
_ADVISED = " (Recommended)"
_ANSWER = re.compile(r"^\s*(.{8,400}?\?): (.+)$")
_PROCESS = re.compile(
    r"^(?:plan (?:ready|updated)|what would you like to do|how would you like to proceed|ready to)", re.I
)
_CLOSED = re.compile(r"^(?:start|run|done|continue|proceed|yes|no|stop|open|view)\b", re.I)
_WORKFLOW = re.compile(
    r"subagent|this session|rebase|push|merge|commit|worktree|continue|proceed|pull request"
    r"|implement(?:ation)? now|write",
    re.I,
)
_OPTION = re.compile(
    r"^\s*(?:[-*+]\s+)?(?:#{1,6}\s*)?(?:\*\*)?\s*(?:(?:option|approach|variant|choice)\s+)?([1-9A-E])(?:\*\*)?"
    r"\s*(?:[.):]|\s[-–—])\s*(.+)$",
    re.I,
)
_HANDED_OVER = re.compile(r"\s*Implement the following plan:\s*#+\s*(.+)")
_PLAN = re.compile(r"^(?:implementation )?plan:?\s*(?:for\s+)?", re.I)


def answers(event: Event, turn: Turn) -> Iterator[Statement]:
    """Answers to the agent's questions, each with what the agent said of the option."""
    asking = [arguments(call) for call in turn.calls if call.tool == "AskUserQuestion"]
    offered = [question for given in asking for question in _items(given.get("questions"))]
    for line in event.text.split("\n"):
        match = _ANSWER.match(line)
        if not match:
            continue
        asked, answered = strip_markup(match[1]), strip_markup(match[2]).replace(_ADVISED, "")
        if not _PROCESS.match(asked):
            why = _description(offered, answered)
            told = f"chose “{shorten(answered, 160)}”" + (f" ({shorten(why, 160)})" if why else "")
            yield make("decision", f"{told} for: {shorten(asked, 140)}", event, 6.0)
        elif not _CLOSED.match(answered) and len(answered) > 40:
            yield make("decision", shorten(answered, _LONGEST), event, 5.0)


def _description(questions: list[dict[str, Any]], label: str) -> str:
    """What the agent said of the option called `label` when it asked."""
    for question in questions:
        for option in _items(question.get("options")):
            if strip_markup(str(option.get("label", ""))).replace(_ADVISED, "") == label:
                return strip_markup(str(option.get("description", "")))
    return ""


def _items(value: object) -> list[dict[str, Any]]:
    return [item for item in value if isinstance(item, dict)] if isinstance(value, list) else []


def plan_edit(event: Event) -> Iterator[Statement]:
    """A plan that a person approved or changed, by its title."""
    title, _, body = event.text.partition("\n")
    if title.startswith("Changed and approved"):
        title, changed = body.strip().partition("\n")[0], "changed and approved"
    elif title.startswith("Approved the plan: "):
        title, changed = title.removeprefix("Approved the plan: "), "approved"
    else:
        return
    yield make("asked", f"{changed} the plan “{_plan_name(title)}”", event, 4.0)


def handed_over_plan(event: Event) -> Statement | None:
    """The request of a prompt that only hands over a plan made in another session."""
    match = _HANDED_OVER.match(event.text)
    return make("asked", f"implement the plan “{_plan_name(match[1])}”", event, 3.0) if match else None


def _plan_name(title: str) -> str:
    return shorten(_PLAN.sub("", strip_markup(title.lstrip("# "))), 140)


def choice(event: Event, before: Event | None) -> Iterator[Statement]:
    """The option that a person meant by "2" or "option B", as the agent's message `before` lists it."""
    if before is None or len(event.text) > _LONGEST_CHOICE:
        return
    match = cues.CHOICE.search(event.text[:120])
    if match:
        option = chosen_option(before.text, (match[1] or match[2]).upper())
        if len(option) > _SHORTEST_OPTION and option[-1] != "?" and not _WORKFLOW.search(option[:60]):
            weight = 2.5 + worth(option) - (1.5 if cues.TRIVIA.search(option) else 0.0)
            asked = _last_question(before.text)
            told = f"chose: {shorten(tidy(option), _LONGEST)}" + (f" (asked: {asked})" if asked else "")
            yield make("decision", told, event, weight, before)


def _last_question(text: str) -> str:
    """The last question of an agent's message that says what it is about; "" if there is none."""
    for sentence in reversed(sentences(text[-_OPTIONS_AT_THE_END:])):
        asked = sentence.text
        if (
            asked.endswith("?") and 25 < len(asked) <= 140 and len(terms(asked)) > 2
        ):  # "Which one?" says nothing
            return "" if cues.CHATTER.match(asked) else asked
    return ""


def chosen_option(text: str, name: str) -> str:
    """The text of the option called `name` ("1", "B") in an agent's message; "" if it lists none.

    The last list of the message counts: what comes at the end is what the agent asked.
    """
    found = ""
    for line in text[-_OPTIONS_AT_THE_END:].split("\n"):
        match = _OPTION.match(line)
        if match and match[1].upper() == name:
            found = strip_markup(match[2]).replace("**", "").strip()
    return found
