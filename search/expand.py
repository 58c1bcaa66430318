"""What a query asks for: its words, and other words for them where its own do not match.

Coverage decides. A query that some window answers in its own words is taken literally; the worse the best
window covers it, the more the words that stand in their place count. So a name or an error message stays
exact, and a question in other words than the transcript's is still understood.
"""

from collections.abc import Iterable, Sequence

from search.reader import Concept, Found, Reader
from search.words import camel_parts, query_terms, stems

_CAMEL_PART = 0.5
_SYNONYM = 0.8
_LITERAL, _FOREIGN = 0.3, 0.15
"""Coverage from which on synonyms are left out, and below which they count in full. Commit subjects, session
titles and questions in a transcript's own words cover above 0.2, questions in other words below 0.17."""
_SATURATED = 2.2
"""What BM25 with k1 = 1.2 gives a word at most, as a multiple of its idf."""


def own_concepts(query: str) -> list[Concept]:
    """The words of a query, and the words inside its camelCase names; none if it holds no word."""
    terms = query_terms(query)
    parts = stems(" ".join(camel_parts(query)))
    weights = dict.fromkeys(terms, 1.0) | {part: _CAMEL_PART for part in parts if part not in terms}
    return [{stem: weight} for stem, weight in weights.items()]


def synonym_weight(reader: Reader, concepts: Sequence[Concept], windows: Found) -> float:
    """How much other words than the query's own count, 0 to 1.

    Args:
        reader: the index.
        concepts: the query's own words.
        windows: what they find.
    """
    reachable = sum(
        _SATURATED * weight * reader.idf(stem, "wide") for one in concepts for stem, weight in one.items()
    )
    coverage = windows[0][0] / reachable if windows and reachable else 0.0
    return _SYNONYM * min(1.0, max(0.0, (_LITERAL - coverage) / (_LITERAL - _FOREIGN)))


def with_synonyms(query: str, concepts: Iterable[Concept], weight: float) -> list[Concept]:
    """The concepts with the words that may stand for each, and those that stand for phrases of the query."""
    from search.thesaurus import synonyms  # its size costs a cold process that a literal query can spare

    others = synonyms(stems(query))
    widened: list[Concept] = []
    for concept in concepts:
        widened.append({**concept, **dict.fromkeys(others.pop(first_word(concept), ()), weight)})
    return widened + [dict.fromkeys(stand_ins, weight) for stand_ins in others.values() if stand_ins]


def first_word(concept: Concept) -> str:
    """The stem that the query itself uses for a concept."""
    return next(iter(concept))


def worths(reader: Reader, concepts: Iterable[Concept]) -> dict[str, float]:
    """What finding each stem in a sentence is worth: its weight times its idf."""
    weights: dict[str, float] = {}
    for concept in concepts:
        for stem, weight in concept.items():
            weights[stem] = max(weight, weights.get(stem, 0.0))
    return {stem: weight * reader.idf(stem, "wide") for stem, weight in weights.items()}
