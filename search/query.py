"""A question in, ranked passages out. Standard library and tantivy only: this is on the way of a cold process."""

from collections.abc import Iterable, Mapping, Sequence
from math import log
from pathlib import Path

import tantivy

from search.passages import best_passage
from search.rank import Candidate, candidates
from search.words import camel_parts, query_terms, stems

_LOADED = 40
"""Candidates whose text is read, per folder."""
_SNIPPET_WORDS = 55
_LONGEST_GLOB = 500


class Filters:
    """What a hit must be. None: anything.

    `since_ms` and `until_ms` are Unix milliseconds, both inclusive. `file_glob` is matched against whole paths
    and against their ends after a "/": `*.go` and `cmd/main.go` both find `/src/cmd/main.go`.
    """

    __slots__ = ("agent", "author", "file_glob", "project", "since_ms", "until_ms")

    def __init__(
        self,
        project: str | None = None,
        author: str | None = None,
        agent: str | None = None,
        since_ms: int | None = None,
        until_ms: int | None = None,
        file_glob: str | None = None,
    ) -> None:
        self.project = project
        self.author = author
        self.agent = agent
        self.since_ms = since_ms
        self.until_ms = until_ms
        self.file_glob = file_glob


class Hit:
    """One passage that answers a query: where it stands, who wrote it when (Unix milliseconds), and its words."""

    __slots__ = (
        "agent", "author", "from_seq", "project", "score", "session_id", "snippet", "time", "to_seq", "voice",
    )  # fmt: skip

    def __init__(
        self,
        session_id: str,
        from_seq: str,
        to_seq: str,
        author: str,
        project: str,
        agent: str,
        time: int,
        voice: str,
        score: float,
        snippet: str,
    ) -> None:
        self.session_id = session_id
        self.from_seq = from_seq
        self.to_seq = to_seq
        self.author = author
        self.project = project
        self.agent = agent
        self.time = time
        self.voice = voice
        self.score = score
        self.snippet = snippet


def search(folders: Sequence[Path], query: str, filters: Filters, limit: int) -> list[Hit]:
    """The passages that answer `query` best, best first.

    Any text is a query: there is no syntax that could be wrong.

    Args:
        folders: assembled indexes, one a project; a missing one holds nothing.
        query: words, a question, a path, an error message.
        filters: what a hit must be.
        limit: the most hits to return.
    """
    terms = query_terms(query)
    if not terms or limit < 1:
        return []
    hits = [hit for folder in folders for hit in _search_one(folder, query, terms, filters)]
    hits.sort(key=lambda hit: -hit.score)
    return hits[:limit]


def _search_one(folder: Path, query: str, terms: list[str], filters: Filters) -> list[Hit]:
    if not (folder / "meta.json").is_file():
        return []
    index = tantivy.Index.open(str(folder))
    searcher = index.searcher()
    schema = index.schema
    weights = dict.fromkeys(terms, 1.0)
    for part in stems(" ".join(camel_parts(query))):
        weights.setdefault(part, 0.5)
    ranked = candidates(searcher, schema, weights, _restrictions(schema, filters))[:_LOADED]
    return _read(searcher, ranked, _idf(searcher, weights))


def _idf(searcher: tantivy.Searcher, weights: Mapping[str, float]) -> dict[str, float]:
    total = searcher.num_docs + 1
    return {
        stem: weight * log(1 + total / (1 + searcher.doc_freq("body", stem)))
        for stem, weight in weights.items()
    }


def _read(searcher: tantivy.Searcher, ranked: Iterable[Candidate], idf: Mapping[str, float]) -> list[Hit]:
    seen: set[bytes] = set()
    hits = []
    for candidate in ranked:
        stored = searcher.doc(candidate.address)
        key = bytes(stored.get_first("key"))
        if key in seen:
            continue
        seen.add(key)
        hits.append(_hit(searcher, stored, candidate, idf))
    return hits


def _hit(
    searcher: tantivy.Searcher, stored: tantivy.Document, candidate: Candidate, idf: Mapping[str, float]
) -> Hit:
    def text(name: str) -> str:
        return bytes(stored.get_first(name)).decode("utf-8", "replace")

    time = searcher.fast_field_values("time", [candidate.address])[0]
    return Hit(
        session_id=text("session_id"),
        from_seq=text("from_seq"),
        to_seq=text("to_seq"),
        author=stored.get_first("author") or "",
        project=stored.get_first("project") or "",
        agent=stored.get_first("agent") or "",
        time=int(time or 0),
        voice=candidate.voice,
        score=candidate.score,
        snippet=best_passage(text("text"), idf, _SNIPPET_WORDS),
    )


def _restrictions(schema: tantivy.Schema, filters: Filters) -> list[tantivy.Query]:
    restrict = [
        tantivy.Query.term_query(schema, name, value.encode("utf-8", "replace").decode(), "basic")
        for name, value in (
            ("project", filters.project),
            ("author", filters.author),
            ("agent", filters.agent),
        )
        if value is not None
    ]
    if filters.since_ms is not None or filters.until_ms is not None:
        restrict.append(
            tantivy.Query.range_query(
                schema, "time", tantivy.FieldType.Integer, filters.since_ms, filters.until_ms
            )
        )
    if filters.file_glob is not None:
        restrict.append(tantivy.Query.regex_query(schema, "file", _glob_pattern(filters.file_glob)))
    return restrict


def _glob_pattern(glob: str) -> str:
    """A glob as the regular expression of tantivy's dictionary, which matches whole terms."""
    pieces = []
    for character in glob.encode("utf-8", "replace").decode()[:_LONGEST_GLOB]:
        if character == "*":
            pieces.append(".*")
        elif character == "?":
            pieces.append(".")
        else:
            pieces.append("\\" + character if character in r"\.+|()[]{}^$#&-~" else character)
    return "(.*/)?" + "".join(pieces)
