"""What commits and pull requests say, as statements: what was done, and the reasons in their messages."""

import re
from collections.abc import Iterator

from compiler.extractive import cues
from compiler.extractive.calls import Committed
from compiler.extractive.making import make
from compiler.extractive.text import sentences, shorten
from compiler.extractive.voice import stands_alone, tidy, worth
from compiler.extractive.words import specifics
from data_models.knowledge import Statement

DONE_WEIGHT = 5.0
"""Least weight of what was committed; what an agent only says it did weighs less."""

_GENERIC = re.compile(
    r"\b(?:address|apply|resolve)\b.{0,40}\b(?:review|feedback|comments?)\b"
    r"|^merge\b|^(?:wip|fix(?:es)?|update|cleanup)$",
    re.I,
)
_CONVENTIONAL = re.compile(r"^(\w+)(?:\(([^)]+)\))?!?:\s*")
_TYPE_WORTH = {
    "feat": 0.6,
    "refactor": 0.6,
    "perf": 0.3,
    "fix": -0.3,
    "docs": -0.3,
    "test": -0.6,
    "chore": -0.6,
    "style": -1.0,
}
_MENDS = re.compile(r"^(?:hot)?fix(?:es|ed)?\b|^bug ?fix\b", re.I)
_LONGEST_REASON = 200
_MOST_SENTENCES = 14
_SKIPPED_PARTS = ("test", "how to", "checklist")


def is_generic(subject: str) -> bool:
    """Whether a commit subject says nothing about the change ("address review feedback")."""
    return bool(_GENERIC.search(subject))


def plain_subject(subject: str) -> str:
    """A commit subject without its conventional type: "feat(till): add tips" gives "till: add tips"."""
    kind = _CONVENTIONAL.match(subject)
    if not kind or kind[1].lower() not in _TYPE_WORTH:
        return subject
    rest = subject[kind.end() :]
    return f"{kind[2]}: {rest}" if kind[2] else rest


def commit_statements(commit: Committed) -> Iterator[Statement]:
    """A commit's subject as done, and the sentences of its message that give causes and reasons."""
    if commit.subject.lower().startswith("merge "):
        return
    if not is_generic(commit.subject):
        weight = DONE_WEIGHT + (1.0 if commit.pull_request else 0.0)
        yield make("done", shorten(commit.subject, 200), commit.call, weight, commit.result)
    base = 1.2 + (0.8 if commit.pull_request else 0.0) + _type_worth(commit.subject)
    mends = bool(_MENDS.match(commit.subject)) and not is_generic(commit.subject)
    for place, sentence in enumerate(sentences(commit.body)[:_MOST_SENTENCES]):
        text = tidy(shorten(sentence.text, _LONGEST_REASON))
        if not stands_alone(text, least=0) or sentence.heading.lower().startswith(_SKIPPED_PARTS):
            continue
        line = _with_subject(commit.subject, text, whole=mends)
        # A message gives its reason first and its details below.
        score = base + worth(text) + max(0.0, 0.8 - 0.4 * place)
        score -= 0.9 if cues.TRIVIA.search(line) else 0.0
        if cues.CAUSE.search(text) or (mends and (cues.WHY.search(text) or cues.PURPOSE.search(text))):
            yield make("fix", line, commit.call, score)
        elif cues.explains(text):
            yield make("decision", line, commit.call, score)


def _type_worth(subject: str) -> float:
    """How much a commit's reasons weigh by its type: a feature's more than a fix's of style."""
    kind = _CONVENTIONAL.match(subject)
    name = kind[1] if kind else subject.partition(" ")[0]
    return _TYPE_WORTH.get(name.lower(), 0.0) - (1.0 if is_generic(subject) else 0.0)


def _with_subject(subject: str, text: str, *, whole: bool) -> str:
    """A sentence of a commit's message with what it needs in front to stand alone: `whole` asks for the subject."""
    kind = _CONVENTIONAL.match(subject)
    if is_generic(subject) or (not whole and _type_worth(subject) < 0 and specifics(text) > 1):
        return f"{kind[2]}: {text}" if kind and kind[2] else text
    return f"{shorten(_CONVENTIONAL.sub('', subject), 80).rstrip('.')}: {text}"
