"""What a query asks for: its words, and other words for them where its own do not match.

Coverage decides. A query that some window answers in its own words is taken literally; the worse the best
window covers it, the more the words that stand in their place count. So a name or an error message stays
exact, and a question in other words than the transcript's is still understood.
"""

from collections.abc import Iterable, Mapping, Sequence
from math import log

import tantivy

from search.thesaurus import synonyms
from search.words import camel_parts, query_terms, stems

Concept = Mapping[str, float]
"""The stems that can stand for one word of a query, with their weights, 0 to 1."""

_CAMEL_PART = 0.5
_SYNONYM = 0.8
_LITERAL, _FOREIGN = 0.3, 0.15
"""Coverage from which on synonyms are left out, and below which they count in full. Commit subjects, session
titles and questions in a transcript's own words cover above 0.2, questions in other words below 0.17."""
_SATURATED = 2.2
"""What BM25 with k1 = 1.2 gives a word at most, as a multiple of its idf."""


def concepts_of(searcher: tantivy.Searcher, schema: tantivy.Schema, query: str) -> list[Concept]:
    """The concepts of a query; none if it holds no word.

    Args:
        searcher: the index that coverage is measured on.
        schema: its schema.
        query: any text.
    """
    terms = query_terms(query)
    weight = _SYNONYM * _foreignness(_coverage(searcher, schema, terms))
    others = synonyms(stems(query)) if weight > 0 else {}
    concepts: list[Concept] = [{term: 1.0, **dict.fromkeys(others.pop(term, ()), weight)} for term in terms]
    concepts += [dict.fromkeys(stand_ins, weight) for stand_ins in others.values() if stand_ins]
    known = {stem for concept in concepts for stem in concept}
    parts = dict.fromkeys(stems(" ".join(camel_parts(query))))
    return concepts + [{part: _CAMEL_PART} for part in parts if part not in known]


def first_word(concept: Concept) -> str:
    """The stem that the query itself uses for a concept."""
    return next(iter(concept))


def worths(searcher: tantivy.Searcher, concepts: Iterable[Concept]) -> dict[str, float]:
    """What finding each stem in a sentence is worth: its weight times its idf."""
    weights: dict[str, float] = {}
    for concept in concepts:
        for stem, weight in concept.items():
            weights[stem] = max(weight, weights.get(stem, 0.0))
    return {stem: weight * idf(searcher, stem, "body") for stem, weight in weights.items()}


def _foreignness(coverage: float) -> float:
    return min(1.0, max(0.0, (_LITERAL - coverage) / (_LITERAL - _FOREIGN)))


def _coverage(searcher: tantivy.Searcher, schema: tantivy.Schema, terms: Sequence[str]) -> float:
    """The best window's share, 0 to 1, of the score that a window with every word of the query would have."""
    reachable = sum(_SATURATED * idf(searcher, term, "wide") for term in terms)
    query = tantivy.Query
    clauses = [(tantivy.Occur.Should, query.term_query(schema, "wide", term, "freq")) for term in terms]
    best = searcher.search(query.boolean_query(clauses), 1, count=False).hits
    return float(best[0][0]) / reachable if best and reachable else 0.0


def idf(searcher: tantivy.Searcher, stem: str, field: str) -> float:
    """BM25's inverse document frequency of a word."""
    frequency = searcher.doc_freq(field, stem)
    return log(1 + (max(0, searcher.num_docs - frequency) + 0.5) / (frequency + 0.5))
