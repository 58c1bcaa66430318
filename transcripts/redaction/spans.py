"""Spans: where a secret stands in a text, and what rules share to find one.

A rule names literals. Where one of them stands in the text, its `find` looks at a bounded window around it.
"""

import re
from collections.abc import Callable, Iterable
from typing import NamedTuple


class Span(NamedTuple):
    """A secret: `text[start:end]`, its kind, and how much the rule knows about it (see `merge`)."""

    start: int
    end: int
    kind: str
    rank: int


PLACED = -1
"""Rank of a placeholder that stands in the text already."""
BLOCK = 0
"""Rank of a rule that hides a whole block: it names the merged span, whatever secrets lie inside."""
EXACT = 1
"""Rank of a rule that knows the form of the secret."""
NAMED = 2
"""Rank of a rule that only knows the name or place a secret stands behind."""

Find = Callable[[str, int, int], Span | None]
"""(text, start and end of a literal) -> the secret there, if any. Looks at a bounded part of the text."""


class Rule(NamedTuple):
    """Literals, one of which stands in or before every secret of this rule, and what to do at each."""

    literals: tuple[str, ...]
    find: Find


LONGEST_VALUE = 512
_REST = re.compile(r"[A-Za-z0-9_+/=.%~-]*+")
_BEFORE_TOKEN = re.compile(
    r"(?:[^A-Za-z0-9_]|\\[nrtbfv]|%[0-9A-Fa-f]{2}|\\u[0-9A-Fa-f]{4}|\\x[0-9A-Fa-f]{2})\Z"
)


def starts_word(text: str, start: int) -> bool:
    r"""Whether a word can begin at `start`.

    `\b` is not enough: in a literal `\nghp_…` a letter stands before the token.
    """
    return start == 0 or _BEFORE_TOKEN.search(text, max(0, start - 16), start) is not None


def merge(text: str, spans: Iterable[Span]) -> list[Span]:
    """Disjoint spans in order, from spans of `text` in any order.

    Overlapping spans become one; it takes the kind of the lowest rank in it, then of the longest span. Rules
    read a value only so far (`LONGEST_VALUE`): what goes on behind that belongs to it.
    """
    merged: list[Span] = []
    best: Span | None = None
    for span in sorted(spans):
        end = merged[-1].end if merged else 0
        whole = _whole(text, span) if span.end > end else span
        if best is None or span.start >= end:
            merged.append(whole)
            best = whole
            continue
        if (whole.rank, whole.start - whole.end) < (best.rank, best.start - best.end):
            best = whole
        merged[-1] = Span(merged[-1].start, max(end, whole.end), best.kind, best.rank)
    return merged


def _whole(text: str, span: Span) -> Span:
    """`span` with the rest of its value, where its rule stopped reading in the middle of a long one."""
    if span.rank < NAMED or span.end - span.start < LONGEST_VALUE:
        return span
    rest = _REST.match(text, span.end)
    return span._replace(end=rest.end() if rest else span.end)
