"""What agents concluded and did, as statements: done, decision, fix, dead end, open item."""

from collections.abc import Iterator

from compiler.extractive import cues
from compiler.extractive.calls import Committed
from compiler.extractive.human import make, stands_alone, worth
from compiler.extractive.text import sentences, shorten
from compiler.extractive.turns import Turn
from data_models.events import Event
from data_models.knowledge import Citation, Statement, StatementKind


def commit_statements(commit: Committed) -> Iterator[Statement]:
    """A commit's subject as done, and the sentences of its message that give causes and reasons."""
    cited = commit.result
    if commit.subject.startswith("Merge "):
        return
    kind: StatementKind = "done"
    yield make(
        kind, shorten(commit.subject, 200), cited, 5.0 + (1.0 if commit.pull_request else 0.0), "assistant"
    )
    for sentence in sentences(commit.body)[:14]:
        text = shorten(sentence.text)
        if not stands_alone(text):
            continue
        if cues.REASON.search(text) or cues.DECISION_AGENT.search(text):
            yield _with_subject("decision", commit.subject, text, cited, 3.0)
        elif cues.CAUSE.search(text):
            yield _with_subject("fix", commit.subject, text, cited, 3.0)


def _with_subject(kind: StatementKind, subject: str, text: str, event: Event, base: float) -> Statement:
    return make(kind, f"{subject.rstrip('.')}: {text}", event, base + worth(text), "assistant")


def text_statements(turn: Turn, accepted: bool) -> Iterator[Statement]:
    """Conclusions in the agent's words; those of a turn the human then corrected are left out."""
    if not accepted:
        return
    boost = 1.0 if turn.commits else 0.0
    for event in turn.texts:
        final = event is turn.final
        if not final and len(event.text) < 200:
            continue
        for sentence in sentences(event.text):
            text = shorten(sentence.text)
            if not stands_alone(text) or text.endswith(("?", ":")):
                continue
            yield from _conclusion(text, event, boost + (1.0 if final else 0.0))


def _conclusion(text: str, event: Event, boost: float) -> Iterator[Statement]:
    score = worth(text) + boost
    reason = bool(cues.REASON.search(text))
    if cues.CAUSE.search(text):
        yield make("fix", text, event, score, "assistant")
    elif cues.DECISION_AGENT.search(text) and reason:
        yield make("decision", text, event, score, "assistant")
    if cues.DEAD_END.search(text) and reason:
        yield make("dead_end", text, event, score, "assistant")
    if cues.OPEN.search(text):
        yield make("open_item", text, event, score, "assistant")


def mended_checks(turn: Turn) -> Iterator[Statement]:
    """Checks that failed and then passed in one turn, with the agent's sentence about the cause between them."""
    failed: dict[str, Event] = {}
    for check in turn.checks:
        if check.failed:
            failed.setdefault(check.command, check.result)
        elif check.command in failed:
            start = failed.pop(check.command)
            cause = _cause_between(turn, start.seq, check.result.seq)
            if cause:
                event, text = cause
                statement = make(
                    "fix", f"`{check.command}` failed: {text}", event, 2.0 + worth(text), "assistant"
                )
                yield _citing(statement, check.result)


def _cause_between(turn: Turn, first: int, last: int) -> tuple[Event, str] | None:
    for event in turn.texts:
        if first < event.seq < last:
            for sentence in sentences(event.text):
                if cues.CAUSE.search(sentence.text) and stands_alone(sentence.text):
                    return event, shorten(sentence.text)
    return None


def _citing(statement: Statement, event: Event) -> Statement:
    return Statement(
        kind=statement.kind,
        text=statement.text,
        citations=(*statement.citations, Citation("", event.ref)),
        time=event.time or statement.time,
        weight=statement.weight,
        by=statement.by,
    )
