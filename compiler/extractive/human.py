"""What people said, as statements: asked, decision, pattern, correction, open item, dead end."""

import re
from collections.abc import Iterator
from typing import Any

from compiler.extractive import cues
from compiler.extractive.calls import arguments
from compiler.extractive.options import chosen_option
from compiler.extractive.text import sentences, shorten, strip_markup
from compiler.extractive.turns import Turn
from compiler.extractive.voice import clean_words, own_words, rule_worth, stands_alone, tidy, worth
from compiler.extractive.words import specifics, terms
from data_models.events import Event
from data_models.knowledge import Citation, Statement, StatementKind

LONGEST_SAID = 240
LEAST_RULE = 0.7
"""What `rule_worth` must reach for a person's sentence to count as a rule."""

_LONGEST_OUTCOME = 160
_SHORTEST_REQUEST = 9
_SHORTEST_WORDS = 24
_ANSWER = re.compile(r"^\s*(.{8,400}?\?): (.+)$")
_ADVISED = " (Recommended)"
_PROCESS = re.compile(
    r"^(?:plan (?:ready|updated)|what would you like to do|how would you like to proceed|ready to)", re.I
)
_CLOSED = re.compile(r"^(?:start|run|done|continue|proceed|yes|no|stop|open|view)\b", re.I)
_WORKFLOW = re.compile(
    r"subagent|this session|rebase|push|merge|commit|worktree|continue|proceed|pull request"
    r"|implement(?:ation)? now|write",
    re.I,
)
_GIVEN_PLAN = re.compile(r"\s*Implement the following plan:\s*#+\s*(.+)")
_ASIDE = re.compile(
    r"\W*#?\d|can (?:you|we) (?:double |re)?(?:check|look|see|verify|explain)|(?:update|merge"
    r"|rebase|check out|pull|push|commit)\b"
    r"|let'?s (?:first|create|review|look|discuss|talk|move on|tackle)|i (?:see|reckon|wonder|guess"
    r"|just)\b|now,|it\b",
    re.I,
)
_PLAN = re.compile(r"^(?:implementation )?plan:?\s*(?:for\s+)?", re.I)


def make(kind: StatementKind, text: str, event: Event, weight: float, *also: Event) -> Statement:
    """A statement by the event's speaker that rests on it, and on the events in `also`."""
    return Statement(
        kind=kind,
        text=text,
        citations=tuple(dict.fromkeys(Citation("", one.ref) for one in (event, *also))),
        time=max(one.time or 0 for one in (event, *also)),
        weight=round(weight, 3),
        by="human" if event.role == "human" else "assistant",
    )


def human_statements(turn: Turn, earlier: Turn | None) -> Iterator[Statement]:
    """The statements in a turn's human words; `earlier` is the turn before, which they answer."""
    before = earlier.final if earlier else None
    for event in turn.said:
        if event.kind == "answer":
            yield from _answers(event, turn)
        elif event.kind == "plan_edit":
            yield from _plan(event)
        else:
            yield from _words(event, before, turn)
            yield from _put_off(event, turn, earlier)


def _answers(event: Event, turn: Turn) -> Iterator[Statement]:
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
            yield make("decision", shorten(answered, LONGEST_SAID), event, 5.0)


def _description(questions: list[dict[str, Any]], label: str) -> str:
    """What the agent said of the option called `label` when it asked."""
    for question in questions:
        for option in _items(question.get("options")):
            if strip_markup(str(option.get("label", ""))).replace(_ADVISED, "") == label:
                return strip_markup(str(option.get("description", "")))
    return ""


def _items(value: object) -> list[dict[str, Any]]:
    return [item for item in value if isinstance(item, dict)] if isinstance(value, list) else []


def _plan(event: Event) -> Iterator[Statement]:
    title, _, body = event.text.partition("\n")
    if title.startswith("Changed and approved"):
        title, changed = body.strip().partition("\n")[0], "changed and approved"
    elif title.startswith("Approved the plan: "):
        title, changed = title.removeprefix("Approved the plan: "), "approved"
    else:
        return
    name = _PLAN.sub("", strip_markup(title.lstrip("# ")))
    yield make("asked", f"{changed} the plan “{shorten(name, 120)}”", event, 4.0)


def _words(event: Event, before: Event | None, turn: Turn) -> Iterator[Statement]:
    yield from _choice(event, before)
    plan = _GIVEN_PLAN.match(event.text)
    if plan:
        yield make(
            "asked", f"implement the plan “{shorten(_PLAN.sub('', strip_markup(plan[1])), 160)}”", event, 3.0
        )
        return
    said = own_words(event.text)
    if not said:
        return
    opening = said[0].text
    corrected = event.kind == "rejection" or bool(cues.CORRECTION.match(opening))
    request = next((one.text for one in said if _is_request(one.text)), "")
    if request:
        yield make("asked", shorten(clean_words(request).rstrip(": "), LONGEST_SAID), event, worth(request))
    if corrected:
        yield from _correction(" ".join(one.text for one in said[:3]), event, turn)
    for sentence in said[:12]:
        yield from _sentence(sentence.text, event, turn, corrected)


def _is_request(text: str) -> bool:
    # Bytes, because a dozen characters are a whole request in scripts that need no spaces.
    return len(text.encode("utf-8", "replace")) >= _SHORTEST_REQUEST and not cues.CHATTER.match(text)


def _choice(event: Event, before: Event | None) -> Iterator[Statement]:
    match = cues.CHOICE.search(event.text[:120]) if before and len(event.text) < 400 else None
    if match and before:
        option = chosen_option(before.text, (match[1] or match[2]).upper())
        if len(option) > 30 and not option.endswith("?") and not _WORKFLOW.search(option[:60]):
            weight = 2.5 + worth(option) - (1.5 if cues.TRIVIA.search(option) else 0.0)
            yield make("decision", f"chose: {shorten(tidy(option), LONGEST_SAID)}", event, weight, before)


def _correction(text: str, event: Event, turn: Turn) -> Iterator[Statement]:
    words = shorten(clean_words(text), LONGEST_SAID)
    if len(words) < _SHORTEST_WORDS or (words.endswith("?") and not specifics(words)):
        return
    kind: StatementKind = "fix" if cues.CAUSE.search(words) else "correction"
    weight = 1.5 + worth(text)
    reply = _outcome(event, turn)
    if reply and (specifics(words) < 2 or cues.AGREES.match(reply[0].text)):
        yield make(kind, f"{words} → {shorten(reply[1], _LONGEST_OUTCOME)}", event, weight, reply[0])
    elif specifics(words):
        yield make(kind, words, event, weight)


def _outcome(event: Event, turn: Turn) -> tuple[Event, str] | None:
    """The agent's first sentence after the human's words that says what came of them."""
    for text in turn.texts:
        if text.seq < event.seq:
            continue
        for sentence in sentences(text.text):
            outcome = tidy(sentence.text)
            if stands_alone(outcome) and not outcome.endswith((":", "?")):
                related = len(terms(outcome) & terms(event.text)) > 1
                related = related or bool(cues.AGREES.match(text.text) or cues.DID.match(outcome))
                return (text, outcome) if related else None
    return None


def _sentence(text: str, event: Event, turn: Turn, corrected: bool) -> Iterator[Statement]:
    if len(text) < 20 or len(text) > 600:
        return
    words = shorten(clean_words(text), LONGEST_SAID)
    asks = text.endswith("?") and not re.match(r"\W*(?:can|could|should) (?:we|you)\b", text, re.I)
    score = worth(text)
    if asks:
        return
    if cues.RULE.search(text) and not cues.CHATTER.match(text):
        rule = rule_worth(words)
        if rule >= LEAST_RULE:
            yield make("pattern", words, event, 1.5 + rule)
    if corrected or cues.CHATTER.match(text) or _ASIDE.match(words):
        pass
    elif cues.DECISION_HUMAN.search(text) and specifics(text):
        yield make("decision", words, event, 2.0 + score)
    elif cues.DECISION_HUMAN.search(text) and cues.REASON.search(text) and not _WORKFLOW.search(text):
        reply = _outcome(event, turn)
        if reply:
            yield make(
                "decision", f"{words} → {shorten(reply[1], _LONGEST_OUTCOME)}", event, 2.0 + score, reply[0]
            )
    if cues.DEAD_END.search(text) and (specifics(text) or corrected):
        yield make("dead_end", words, event, 0.8 + score)


def _put_off(event: Event, turn: Turn, earlier: Turn | None) -> Iterator[Statement]:
    """What a person left for later, with what it was about where the words alone do not say it."""
    for sentence in own_words(event.text)[:12]:
        text = sentence.text
        if (
            len(text) < 16
            or _ASIDE.match(text)
            or not (cues.OPEN_EXPLICIT.search(text) or cues.PUT_OFF.search(text))
        ):
            continue
        words, weight = shorten(clean_words(text), 180), 2.0 + worth(text)
        reply = _outcome(event, turn)
        topic = _question(earlier)
        if specifics(words) > 1:
            yield make("open_item", words, event, weight)
        elif reply:
            yield make(
                "open_item", f"{words} → {shorten(reply[1], _LONGEST_OUTCOME)}", event, weight, reply[0]
            )
        elif topic:
            yield make("open_item", f"{words} → about: {shorten(topic[1], 140)}", event, weight, topic[0])


def _question(turn: Turn | None) -> tuple[Event, str] | None:
    """What a person asked in a turn, in a sentence that names its subject."""
    for event in turn.said if turn else ():
        for sentence in own_words(event.text):
            words = clean_words(sentence.text)
            if words.endswith("?") and len(words) > 40:
                return event, words
    return None
