"""The best few sentences of a text for a query."""

import re
from collections.abc import Mapping

from search.words import stems

_SENTENCE = re.compile(r"[^\n.!?]*(?:[.!?](?!\s)[^\n.!?]*)*(?:[.!?]+(?=\s)|\n|$)")
_LONGEST_SPAN = 40
"""Words of one span; a line without sentence ends is cut."""


def best_passage(text: str, weights: Mapping[str, float], words: int) -> str:
    """The sentences of `text` that cover most of the query, in their order, at most `words` words.

    Args:
        text: a message.
        weights: the worth of each query stem (its idf).
        words: how many words to return at most.
    """
    spans = _spans(text)
    if sum(len(span.split()) for span in spans) <= words:
        return " ".join(spans)
    chosen = _choose(spans, weights, words)
    return " ".join(_joined(spans, sorted(chosen)))


def _spans(text: str) -> list[str]:
    spans = []
    for match in _SENTENCE.finditer(text):
        tokens = match.group().split()
        for start in range(0, len(tokens), _LONGEST_SPAN):
            spans.append(" ".join(tokens[start : start + _LONGEST_SPAN]))
    return spans


def _choose(spans: list[str], weights: Mapping[str, float], words: int) -> set[int]:
    """Greedy: the span that adds most new query weight per root of its length; neighbours fill what is left."""
    found = [{stem for stem in stems(span) if stem in weights} for span in spans]
    sizes = [len(span.split()) for span in spans]
    chosen: set[int] = set()
    covered: set[str] = set()
    left = words
    while True:
        best, gain = -1, 0.0
        for place, terms in enumerate(found):
            if place in chosen or sizes[place] > left:
                continue
            worth = (
                sum(weights[t] * (1.0 if t not in covered else 0.2) for t in terms)
                / (8 + sizes[place]) ** 0.5
            )
            if place - 1 in chosen or place + 1 in chosen:
                worth = worth * 1.2 + 0.05
            if worth > gain:
                best, gain = place, worth
        if best < 0:
            return chosen
        chosen.add(best)
        covered |= found[best]
        left -= sizes[best]


def _joined(spans: list[str], places: list[int]) -> list[str]:
    pieces: list[str] = []
    for index, place in enumerate(places):
        if index and place != places[index - 1] + 1:
            pieces.append("…")
        pieces.append(spans[place])
    return pieces
