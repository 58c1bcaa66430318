"""What people said, as statements: asked, decision, pattern, correction, open item, dead end."""

import re
from collections.abc import Iterator, Sequence

from compiler.extractive import cues
from compiler.extractive.text import Sentence, sentences, shorten, strip_markup
from compiler.extractive.turns import Turn
from compiler.extractive.words import specifics
from data_models.events import Event
from data_models.knowledge import Citation, Statement, StatementKind

_ANSWER = re.compile(r'"([^"\n]{8,400})"\s*=\s*"([^"\n]{1,400})"')
_PASTED_PROMPT = re.compile(
    r"^(?:Operation stopped by hook|unknown command|Error:|Caveat:|This session is being continued|\[Pasted|=== |Base directory)|"
    r"\b(?:High|Medium|Low|Critical) Severity\b",
)
_LONGEST_SAID = 260


def statements_of(turn: Turn, previous: Event | None) -> Iterator[Statement]:
    """The statements in a turn's human words; `previous` is what the agent had said before them."""
    for event in turn.said:
        if event.kind == "answer":
            yield from _answers(event)
        elif event.kind == "plan_edit":
            yield from _plan(event)
        else:
            yield from _words(event, previous)


def make(kind: StatementKind, text: str, event: Event, weight: float, by: str = "human") -> Statement:
    """A statement that rests on one event."""
    return Statement(
        kind=kind,
        text=text,
        citations=(Citation("", event.ref),),
        time=event.time or 0,
        weight=weight,
        by="human" if by == "human" else "assistant",
    )


def _answers(event: Event) -> Iterator[Statement]:
    for question, answer in _ANSWER.findall(event.text):
        if (
            question.lower().startswith(("plan ready", "plan updated", "what would you like to do"))
            and len(answer) < 60
        ):
            continue
        yield make("decision", f"{strip_markup(question)} → {strip_markup(answer)}", event, 6.0)


def _plan(event: Event) -> Iterator[Statement]:
    title = re.search(r"^#\s+(.+)$", event.text, re.M)
    if title:
        name = strip_markup(title[1]).removeprefix("Plan:").removeprefix("Implementation Plan:").strip()
        yield make("asked", f"Approved the plan “{shorten(name, 160)}”", event, 4.0)


def _words(event: Event, previous: Event | None) -> Iterator[Statement]:
    if _PASTED_PROMPT.search(event.text[:300]):
        return
    said = sentences(event.text)
    if not said:
        return
    opening = said[0].text
    if event.kind == "rejection" or cues.CORRECTION.match(opening):
        text = shorten(" ".join(sentence.text for sentence in said[:2]), _LONGEST_SAID)
        if stands_alone(text):
            yield make(
                "correction", text, event, 1.0 + worth(text) + (1.0 if cues.REASON.search(text) else 0.0)
            )
    request = shorten(opening, _LONGEST_SAID)
    if len(request) > 24 and specifics(request):
        yield make("asked", request, event, worth(request))
    for sentence in said[:12]:
        yield from _sentence(sentence, event)


def _sentence(sentence: Sentence, event: Event) -> Iterator[Statement]:
    text = sentence.text
    if not stands_alone(text) or text.endswith("?") and not cues.REASON.search(text):
        return
    text = shorten(text, _LONGEST_SAID)
    score = worth(text) + (1.5 if cues.REASON.search(text) else 0.0)
    if cues.RULE.search(text):
        yield make("pattern", text, event, score)
    elif cues.DECISION_HUMAN.search(text):
        yield make("decision", text, event, 1.0 + score)
    if cues.OPEN.search(text):
        yield make("open_item", text, event, score)
    if cues.DEAD_END.search(text) and cues.REASON.search(text):
        yield make("dead_end", text, event, score)


def stands_alone(text: str) -> bool:
    """Whether a reader without the conversation can tell what a sentence is about."""
    if not 20 <= len(text) or cues.CHATTER.match(text):
        return False
    return not cues.DANGLING.match(text) or specifics(text) >= 2


def worth(text: str) -> float:
    """How much a sentence names: code, files, options; longer is a little better."""
    return min(3.0, 0.8 * specifics(text)) + min(1.0, len(text) / 200)


def last_words(turns: Sequence[Turn]) -> Event | None:
    """The agent's last text of these turns."""
    for turn in reversed(turns):
        if turn.final:
            return turn.final
    return None
