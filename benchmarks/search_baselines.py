"""What search is compared with, over the same messages."""

from collections.abc import Callable, Sequence
from pathlib import Path

import tantivy

from search.document import Document
from search.filters import Filters
from search.query import search
from search.reader import Reader, any_concept
from search.schema import stored_text
from search.words import query_terms

Place = tuple[str, str]
"""(session id, seq of the message)"""

Ranking = Callable[[str, str | None], list[Place]]
"""From a query, and the author it is limited to or None, to places, best first."""

_DEEP = 100


def ours(folder: Path) -> Ranking:
    """This project's search."""

    def rank(query: str, author: str | None) -> list[Place]:
        hits = search([folder], query, Filters(author=author), _DEEP)
        return [(hit.session_id, hit.from_seq) for hit in hits]

    return rank


def plain_bm25(folder: Path) -> Ranking:
    """BM25 of single messages with stems and without question words, and nothing else."""
    index = tantivy.Index.open(str(folder))

    def rank(query: str, author: str | None) -> list[Place]:
        limits = [tantivy.Query.term_query(index.schema, "author", author, "basic")] if author else []
        reader = Reader(index, limits)
        terms = [{term: 1.0} for term in query_terms(query)]
        found = reader.best(any_concept(index.schema, terms, "body"), _DEEP)
        documents = (reader.document(address) for _, address in found)
        places = [(stored_text(one, "session_id"), stored_text(one, "from_seq")) for one in documents]
        return list(dict.fromkeys(places))

    return rank


def term_matching(messages: Sequence[Document]) -> Ranking:
    """As with `rg -i -c -e term -e term …`: messages by distinct terms that occur in them, then occurrences."""
    texts = [(one.session_id, one.from_seq, one.author, one.text.lower()) for one in messages]

    def rank(query: str, author: str | None) -> list[Place]:
        terms = set(query.lower().split())
        scored = []
        for session, seq, owner, text in texts:
            if author in (None, owner):
                counts = [text.count(term) for term in terms]
                scored.append((-sum(map(bool, counts)), -sum(counts), session, seq))
        scored.sort()
        return list(dict.fromkeys((session, seq) for distinct, _, session, seq in scored if distinct))[:_DEEP]

    return rank
