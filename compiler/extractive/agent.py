"""What agents concluded, as statements: done, decision, fix, dead end, open item."""

from collections.abc import Iterator

from compiler.extractive import cues
from compiler.extractive.making import make
from compiler.extractive.text import sentences
from compiler.extractive.turns import Turn
from compiler.extractive.voice import stands_alone, tidy, worth
from compiler.extractive.words import specifics
from data_models.events import Event
from data_models.knowledge import Statement

_LEAST_INTERIM = 300


def text_statements(turn: Turn, corrected: bool) -> Iterator[Statement]:
    """Conclusions in the agent's words. Those that a human corrected next are left out."""
    if corrected:
        return
    committed = 0.8 if turn.commits else 0.0
    for event in turn.texts:
        final = event is turn.final
        if not final and len(event.text) < _LEAST_INTERIM:
            continue
        for sentence in sentences(event.text):
            text = tidy(sentence.text)
            if (
                len(text) <= 320
                and stands_alone(text)
                and not text.endswith(("?", ":"))
                and not cues.HEDGE.search(text)
            ):
                yield from _conclusion(text, event, committed + (0.6 if final else 0.0), final)


def _conclusion(text: str, event: Event, boost: float, final: bool) -> Iterator[Statement]:
    score = worth(text) + boost - (0.9 if cues.TRIVIA.search(text) else 0.0)
    if cues.DID.match(text):
        yield make("done", text, event, 1.0 + score)
    if cues.CAUSE.search(text):
        yield make("fix", text, event, score)
    elif cues.DECISION_AGENT.search(text) and cues.REASON.search(text) and not cues.PROPOSAL.search(text):
        yield make("decision", text, event, score - 0.5)
    if (
        cues.FAILED.search(text)
        and not cues.PROPOSAL.search(text)
        and (cues.REASON.search(text) or specifics(text) > 1)
    ):
        yield make("dead_end", text, event, score)
    if cues.OPEN_EXPLICIT.search(text) or (final and cues.OPEN.search(text)):
        yield make("open_item", text, event, score)


def compaction_statements(event: Event) -> Iterator[Statement]:
    """What the host's own summary of a compacted conversation says of errors, fixes and decisions."""
    for sentence in sentences(event.text):
        text = tidy(sentence.text)
        if len(text) <= 320 and stands_alone(text, least=2) and cues.CAUSE.search(text):
            yield make("fix", text, event, 0.5 + worth(text))


def mended_checks(turn: Turn) -> Iterator[Statement]:
    """Checks that failed and then passed in one turn, with the agent's sentence about the cause."""
    failed: dict[str, Event] = {}
    for check in turn.checks:
        if check.failed:
            failed.setdefault(check.command, check.result)
        elif check.command in failed:
            start = failed.pop(check.command)
            cause = _cause_between(turn, start.seq, check.result.seq)
            if cause:
                event, text = cause
                score = 1.0 + worth(text) - (0.9 if cues.TRIVIA.search(text) else 0.0)
                yield make("fix", f"`{check.command}` failed: {text}", event, score, check.result)


def _cause_between(turn: Turn, first: int, last: int) -> tuple[Event, str] | None:
    for event in turn.texts:
        if first < event.seq < last:
            for sentence in sentences(event.text):
                text = tidy(sentence.text)
                if (
                    cues.CAUSE.search(text)
                    and specifics(text)
                    and len(text) < 260
                    and not text.endswith((":", "?"))
                    and not cues.HEDGE.search(text)
                ):
                    return event, text
    return None
