"""The best few sentences of a message for a query, without the marks of its layout."""

import re
from collections.abc import Mapping, Sequence

from search.schema import ANALYZER

_BREAK = re.compile(r"(?<=[.!?])\s+|\n+")
_MARKS = re.compile(r"```\w*|\*\*|^[ \t>]*(?:[-*+|#=>]+[ \t]+)+|[-=_|]{3,}|[ \t]\|(?=[ \t]|$)", re.MULTILINE)
_LONGEST_SPAN = 30
"""Words of one span; a line without sentence ends is cut."""
_LONGEST_MARK = 5
"""A line of fewer words may be brackets or rules alone."""
_REPEATED, _ADJACENT = 0.2, 1.3
"""What a query word is worth in a second span, and a span beside a chosen one."""

_CODE, _LETTERS = 0.6, 0.85
"""What code is worth beside prose, and the share of letters and spaces below which a span is code."""


def best_passage(text: str, weights: Mapping[str, float], words: int) -> str:
    """The sentences of `text` that cover most of the query, in their order, at most `words` words.

    Args:
        text: a message.
        weights: the worth of each query stem (its idf).
        words: how many words to return at most.
    """
    spans = _spans(text)
    sizes = [span.count(" ") + 1 for span in spans]
    if sum(sizes) <= words:
        return " ".join(spans)
    chosen = _choose(spans, sizes, weights, words) or _opening(sizes, words)
    return _joined(spans, sorted(chosen))


def _spans(text: str) -> list[str]:
    spans = []
    for sentence in _BREAK.split(_MARKS.sub("", text)):
        tokens = sentence.split()
        if len(tokens) < _LONGEST_MARK and not any(map(str.isalnum, sentence)):
            continue
        for start in range(0, len(tokens), _LONGEST_SPAN):
            spans.append(" ".join(tokens[start : start + _LONGEST_SPAN]))
    return spans


def _choose(spans: Sequence[str], sizes: Sequence[int], weights: Mapping[str, float], words: int) -> set[int]:
    """Greedy: always the span that adds most query weight for its length."""
    found = {place: weights.keys() & ANALYZER.analyze(span) for place, span in enumerate(spans)}
    left = {place: terms for place, terms in found.items() if terms and sizes[place] <= words}
    prose = {place: _CODE if _is_code(spans[place]) else 1.0 for place in left}
    chosen: set[int] = set()
    covered: set[str] = set()
    while left:
        worths = {
            place: prose[place] * _worth(terms, covered, weights, sizes[place])
            for place, terms in left.items()
        }
        for place in worths.keys() & ({place - 1 for place in chosen} | {place + 1 for place in chosen}):
            worths[place] *= _ADJACENT
        best = max(worths, key=lambda place: worths[place])
        chosen.add(best)
        covered |= left.pop(best)
        words -= sizes[best]
        left = {place: terms for place, terms in left.items() if sizes[place] <= words}
    return chosen


def _is_code(span: str) -> bool:
    """Whether marks and digits make up much of a span: code, tables, listings."""
    letters = sum(map(str.isalpha, span)) + span.count(" ")
    return letters < _LETTERS * len(span)


def _worth(terms: set[str], covered: set[str], weights: Mapping[str, float], size: int) -> float:
    gained = sum(weights[term] * (_REPEATED if term in covered else 1.0) for term in terms)
    return float(gained / (8 + size) ** 0.5)


def _opening(sizes: Sequence[int], words: int) -> set[int]:
    """A message that was found by what stands around it is quoted from its start."""
    chosen: set[int] = set()
    for place, size in enumerate(sizes):
        words -= size
        if words < 0 and chosen:
            break
        chosen.add(place)
    return chosen


def _joined(spans: Sequence[str], places: Sequence[int]) -> str:
    pieces: list[str] = []
    for index, place in enumerate(places):
        if index and place != places[index - 1] + 1:
            pieces.append("…")
        pieces.append(spans[place])
    return " ".join(pieces)
