"""What agents concluded, as statements: done, decision, fix, dead end, open item."""

import re
from collections.abc import Iterator
from itertools import zip_longest

from compiler.extractive import cues
from compiler.extractive.calls import EDIT_TOOLS
from compiler.extractive.labels import has_label, labelled
from compiler.extractive.making import make
from compiler.extractive.text import Sentence, sentences, shorten
from compiler.extractive.turns import Turn
from compiler.extractive.voice import stands_alone, tidy, worth
from compiler.extractive.words import specifics, terms
from data_models.events import Event
from data_models.knowledge import Statement

_CHANGE_NOTE = re.compile(r"^`[^`]+`(?:\(\))?\s*(?:\([^)]*\)\s*)?(?:[-–—:]|(?:is |was )?now\b)")
"""An item of a list of changes: a name of code, and what was done to it."""
_LEAST_INTERIM = 300
_LEAST_LABELLED = 16
_LONGEST_JOINED = 200
_LONGEST = 320
_LEAST_REASONED = 90
_FEW_TERMS = 3
_LEAST_NAMED = 2
_LABELLED = 2.5
"""Weight that a sentence gains by saying itself what it is."""


def text_statements(turn: Turn, correction: str) -> Iterator[Statement]:
    """Conclusions in the agent's words.

    Args:
        turn: the turn.
        correction: what a person said next to correct the agent, "" if nothing; what it answers or names is
            left out.
    """
    about = terms(correction)
    for statement in _conclusions(turn):
        # "No, that's wrong" means what was said last; a correction that names something means that.
        last = bool(correction) and statement.citations[0].seq == (turn.final.ref if turn.final else "")
        answered = last and len(about) <= _FEW_TERMS
        named = len(about & terms(statement.text)) >= _LEAST_NAMED
        if not (answered or named):
            yield statement


def _conclusions(turn: Turn) -> Iterator[Statement]:
    committed = 0.8 if turn.commits else 0.0
    mended = bool(turn.commits) or any(call.tool in EDIT_TOOLS for call in turn.calls)
    for event in turn.texts:
        final = event is turn.final
        brief = not final and len(event.text) < _LEAST_INTERIM
        if brief and not (":" in event.text or cues.GAVE_UP.search(event.text)):
            continue
        for sentence in _with_details(sentences(event.text)):
            told = list(_labelled(sentence, event, committed))
            yield from told
            text = tidy(sentence.text)
            if (
                not told
                and len(text) <= _LONGEST
                and stands_alone(text, least=0 if cues.GAVE_UP.search(text) else 1)
                and not sentence.text.rstrip("*_ ").endswith(("?", ":", "："))
                and not cues.HEDGE.search(text)
            ):
                boost = committed + (0.6 if final else 0.0)
                if brief:
                    yield from _given_up(text, event, boost)
                else:
                    yield from _conclusion(text, event, boost, final=final, mended=mended)


def _with_details(said: list[Sentence]) -> Iterator[Sentence]:
    """The sentences, a short one with a label joined with what follows it: "Left open: X. Until then Y fails."."""
    joined = False
    for one, following in zip_longest(said, said[1:]):
        if joined:
            joined = False
            continue
        if following and has_label(one.text) and not one.listed and not following.listed:
            text = f"{one.text} {following.text}"
            joined = len(text) <= _LONGEST_JOINED and not has_label(following.text) and text[-1] not in ":?"
            yield one._replace(text=text) if joined else one
        else:
            yield one


def _labelled(sentence: Sentence, event: Event, boost: float) -> Iterator[Statement]:
    """What a sentence with a label, or an item of a list under one, says."""
    for kind, said, own in labelled(sentence):
        text = shorten(tidy(said), _LONGEST)
        if kind == "open_item" and cues.MERE_IDEA.search(text):
            continue
        if len(text) >= _LEAST_LABELLED and text[-1] not in "?:" and not cues.CHATTER.match(text):
            # A list of what remains is gone through, more often than not, in the same session.
            weight = 0.0 if kind == "open_item" and not own else _LABELLED
            yield make(kind, text, event, weight + worth(text) + boost)


def _given_up(text: str, event: Event, boost: float) -> Iterator[Statement]:
    """A way that was given up, with its reason; agents say it when they turn round, not only at the end."""
    if cues.GAVE_UP.search(text) and (
        cues.REASON.search(text) or ": " in text or len(text) > _LEAST_REASONED
    ):
        yield make("dead_end", text, event, 1.0 + worth(text) + boost)


def _conclusion(text: str, event: Event, boost: float, *, final: bool, mended: bool) -> Iterator[Statement]:
    score = worth(text) + boost - (0.9 if cues.TRIVIA.search(text) else 0.0)
    if cues.DID.match(text):
        yield make("done", text, event, 1.0 + score)
    if cues.CAUSE.search(text):
        # What was only looked into is not known to be so: a cause counts once something was changed for it.
        if mended:
            yield make("fix", text, event, score)
    elif _CHANGE_NOTE.match(text):
        pass
    elif cues.DECISION_AGENT.search(text) and cues.explains(text) and not cues.PROPOSAL.search(text):
        yield make("decision", text, event, score - 0.5)
    if cues.GAVE_UP.search(text):
        yield from _given_up(text, event, boost)
    elif cues.LIMIT.search(text) and cues.REASON.search(text) and not cues.PROPOSAL.search(text):
        yield make("dead_end", text, event, score)
    left = (
        cues.OPEN_EXPLICIT.search(text) or cues.LEFT_OPEN.search(text) or (final and cues.OPEN.search(text))
    )
    if left and not cues.MERE_IDEA.search(text):
        yield make("open_item", text, event, score)


def compaction_statements(event: Event) -> Iterator[Statement]:
    """What the host's own summary of a compacted conversation says of errors, fixes and decisions."""
    for sentence in sentences(event.text):
        text = tidy(sentence.text)
        told = list(_labelled(sentence, event, 0.0))
        yield from told
        if cues.USER_CHOSE.match(text) and len(text) <= _LONGEST and specifics(text) and " I " not in text:
            yield make("decision", text, event, 2.0 + worth(text))
        whole = not told and len(text) <= _LONGEST and text[:1] != "`" and sentence.text[-1] not in ":?"
        if whole and stands_alone(text, least=2) and cues.CAUSE.search(text):
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
                    and not sentence.text.rstrip("*_ ").endswith((":", "?"))
                    and not cues.HEDGE.search(text)
                ):
                    return event, text
    return None
