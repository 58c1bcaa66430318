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


_BEFORE_TOKEN = re.compile(
    r"(?:[^A-Za-z0-9_]|\\[nrtbfv]|%[0-9A-Fa-f]{2}|\\u[0-9A-Fa-f]{4}|\\x[0-9A-Fa-f]{2})\Z"
)


def starts_word(text: str, start: int) -> bool:
    r"""Whether a word can begin at `start`.

    `\b` is not enough: in a literal `\nghp_…` a letter stands before the token.
    """
    return start == 0 or _BEFORE_TOKEN.search(text, max(0, start - 16), start) is not None


def merge(spans: Iterable[Span]) -> list[Span]:
    """Disjoint spans in order, from spans in any order.

    Overlapping spans become one; it takes the kind of the lowest rank in it, then of the longest span.
    """
    merged: list[Span] = []
    best: Span | None = None
    for span in sorted(spans):
        if best is None or span.start >= merged[-1].end:
            merged.append(span)
            best = span
            continue
        if (span.rank, span.start - span.end) < (best.rank, best.start - best.end):
            best = span
        last = merged[-1]
        merged[-1] = Span(last.start, max(last.end, span.end), best.kind, best.rank)
    return merged
