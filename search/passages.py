"""The best few sentences of a message for a query, without the marks of its layout."""

import re
from collections.abc import Mapping

from search.words import stems

_SENTENCE = re.compile(r"[^\n.!?]*(?:[.!?](?!\s)[^\n.!?]*)*(?:[.!?]+(?=\s)|\n|$)")
_MARKS = re.compile(r"```\w*|\*\*|^[ \t>]*(?:[-*+|#=>]+[ \t]+)+|[-=_|]{3,}|[ \t]\|(?=[ \t]|$)", re.MULTILINE)
_LONGEST_SPAN = 30
"""Words of one span; a line without sentence ends is cut."""
_REPEATED = 0.2
"""What a query word is worth in a second span."""


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
    return _joined(spans, sorted(_choose(spans, sizes, weights, words)))


def _spans(text: str) -> list[str]:
    spans = []
    for match in _SENTENCE.finditer(_MARKS.sub("", text)):
        tokens = match.group().split()
        for start in range(0, len(tokens), _LONGEST_SPAN):
            span = " ".join(tokens[start : start + _LONGEST_SPAN])
            if any(character.isalnum() for character in span):
                spans.append(span)
    return spans


def _choose(spans: list[str], sizes: list[int], weights: Mapping[str, float], words: int) -> set[int]:
    """Greedy: always the span that adds most query weight for its length, and the opening where none adds any."""
    found = [{stem for stem in stems(span) if stem in weights} for span in spans]
    chosen: set[int] = set()
    covered: set[str] = set()
    while True:
        worths = {
            place: _worth(found[place], covered, weights, sizes[place])
            * (_NEAR if {place - 1, place + 1} & chosen else 1)
            for place in range(len(spans))
            if place not in chosen and sizes[place] <= words
        }
        best = max(worths, key=lambda place: (worths[place], -place), default=-1)
        if best < 0 or (chosen and worths[best] <= 0):
            return chosen
        chosen.add(best)
        covered |= found[best]
        words -= sizes[best]


_NEAR = 1.3


def _worth(terms: set[str], covered: set[str], weights: Mapping[str, float], size: int) -> float:
    gained = sum(weights[term] * (_REPEATED if term in covered else 1.0) for term in terms)
    return gained / (8 + size) ** 0.5


def _joined(spans: list[str], places: list[int]) -> str:
    pieces: list[str] = []
    for index, place in enumerate(places):
        if index and place != places[index - 1] + 1:
            pieces.append("…")
        pieces.append(spans[place])
    return " ".join(pieces)
