"""What agents concluded and did, as statements: done, decision, fix, dead end, open item."""

import re
from collections.abc import Iterator

from compiler.extractive import cues
from compiler.extractive.calls import Committed
from compiler.extractive.human import make
from compiler.extractive.text import sentences, shorten
from compiler.extractive.turns import Turn
from compiler.extractive.voice import stands_alone, tidy, worth
from compiler.extractive.words import specifics
from data_models.events import Event
from data_models.knowledge import Statement

_GENERIC = re.compile(
    r"\b(?:address|apply|resolve)\b.{0,40}\b(?:review|feedback|comments?)\b|^merge\b|^(?:wip"
    r"|fix(?:es)?|update|cleanup)$",
    re.I,
)
_SCOPE = re.compile(r"^(\w+)(?:\(([^)]+)\))?!?:\s*")
_TYPE_WORTH = {
    "feat": 0.6,
    "refactor": 0.6,
    "perf": 0.3,
    "fix": -0.3,
    "style": -1.0,
    "test": -0.6,
    "chore": -0.6,
    "docs": -0.3,
}
_LEAST_INTERIM = 300
_LONGEST_REASON = 200


def is_generic(subject: str) -> bool:
    """Whether a commit subject says nothing about the change ("address review feedback")."""
    return bool(_GENERIC.search(subject))


def commit_statements(commit: Committed) -> Iterator[Statement]:
    """A commit's subject as done, and the sentences of its message that give causes and reasons."""
    if commit.subject.lower().startswith("merge "):
        return
    if not is_generic(commit.subject):
        yield make(
            "done",
            shorten(commit.subject, 200),
            commit.call,
            6.0 if commit.pull_request else 5.0,
            commit.result,
        )
    kind = _SCOPE.match(commit.subject)
    base = 1.8 + (0.8 if commit.pull_request else 0.0) + (_TYPE_WORTH.get(kind[1], 0.0) if kind else 0.0)
    base -= 1.0 if is_generic(commit.subject) else 0.0
    for place, sentence in enumerate(sentences(commit.body)[:14]):
        text = tidy(shorten(sentence.text, _LONGEST_REASON))
        if not stands_alone(text, least=0) or sentence.heading.lower().startswith(("test", "how to")):
            continue
        line = f"{_subject(commit.subject, text)}{text}"
        score = base + worth(text) + max(0.0, 0.8 - 0.4 * place) - (0.9 if cues.TRIVIA.search(line) else 0.0)
        if cues.CAUSE.search(text):
            yield make("fix", line, commit.call, score)
        elif cues.REASON.search(text) or cues.DECISION_AGENT.search(text):
            yield make("decision", line, commit.call, score)


def _subject(subject: str, text: str) -> str:
    """What to put before a sentence of a commit's message so that it stands alone."""
    kind = _SCOPE.match(subject)
    minor = bool(kind) and kind is not None and _TYPE_WORTH.get(kind[1], 0.0) <= 0
    if not is_generic(subject) and not (minor and specifics(text) > 1):
        return f"{shorten(_SCOPE.sub('', subject), 80).rstrip('.')}: "
    scope = _SCOPE.match(subject)
    return f"{scope[2]}: " if scope and scope[2] else ""


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
    if cues.DEAD_END.search(text) and (cues.REASON.search(text) or specifics(text) > 1):
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
