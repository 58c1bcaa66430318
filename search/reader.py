"""One index, open for queries."""

from collections.abc import Iterable, Mapping, Sequence
from functools import lru_cache
from math import log
from pathlib import Path

import tantivy

Found = Sequence[tuple[float, tantivy.DocAddress]]
"""Scores and where the documents are stored, best first."""

Concept = Mapping[str, float]
"""The stems that can stand for one word of a query, the query's own first, with their weights, 0 to 1."""

MUST, SHOULD = tantivy.Occur.Must, tantivy.Occur.Should
Q = tantivy.Query


class Reader:
    """An index with what every document that it finds must match besides the query."""

    def __init__(self, index: tantivy.Index, restrict: Sequence[tantivy.Query]) -> None:
        self.schema = index.schema
        self._searcher = index.searcher()
        self._restrict = [(MUST, Q.const_score_query(one, 0.0)) for one in restrict]
        self._idf: dict[tuple[str, str], float] = {}

    def best(self, query: tantivy.Query, limit: int) -> Found:
        """The best documents of a query."""
        if self._restrict:
            query = Q.boolean_query([(MUST, query), *self._restrict])
        # Without a count tantivy skips blocks of documents that cannot reach the best ones.
        found: Found = self._searcher.search(query, limit, count=False).hits
        return found

    def columns(self, found: Found, names: Sequence[str]) -> Iterable[tuple[int, ...]]:
        """Fast fields of found documents, one tuple a document."""
        addresses = [address for _, address in found]
        return zip(*(self._searcher.fast_field_values(name, addresses) for name in names), strict=True)

    def document(self, address: tantivy.DocAddress) -> tantivy.Document:
        """What is stored of a document."""
        return self._searcher.doc(address)

    def time(self, address: tantivy.DocAddress) -> int:
        """When it was said what a document holds: Unix milliseconds, 0 if unknown."""
        return int(self._searcher.fast_field_values("time", [address])[0] or 0)

    def idf(self, stem: str, field: str) -> float:
        """BM25's inverse document frequency of a word."""
        if (stem, field) not in self._idf:
            frequency = self._searcher.doc_freq(field, stem)
            others = max(0, self._searcher.num_docs - frequency)
            self._idf[stem, field] = log(1 + (others + 0.5) / (frequency + 0.5))
        return self._idf[stem, field]


def open_folder(folder: Path) -> tantivy.Index | None:
    """The index in a folder, or None where there is none; opened once for as long as it is not replaced."""
    try:
        meta = (folder / "meta.json").stat()
    except (OSError, ValueError):
        return None
    return _open(str(folder), meta.st_mtime_ns, meta.st_ino)


@lru_cache(maxsize=16)
def _open(folder: str, _changed: int, _inode: int) -> tantivy.Index:
    return tantivy.Index.open(folder)


def any_concept(schema: tantivy.Schema, concepts: Iterable[Concept], field: str) -> tantivy.Query:
    """Any concept in `field`; a concept counts by its best word, so synonyms do not add up.

    Words without synonyms stay terms of one flat query, which is what tantivy can prune.
    """
    clauses = []
    for concept in concepts:
        words = [
            Q.boost_query(Q.term_query(schema, field, stem, "freq"), weight)
            for stem, weight in concept.items()
        ]
        clauses.append((SHOULD, words[0] if len(words) == 1 else Q.disjunction_max_query(words)))
    return Q.boolean_query(clauses)
