"""A question in, ranked passages out.

Standard library and tantivy only, here and in what is imported: a cold process waits for this.
"""

from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

import tantivy

from data_models.errors import DamagedError
from search.candidates import Candidate, Pool, gather
from search.filters import Filters, restrictions
from search.passages import best_passage
from search.rank import rank
from search.reader import Reader, open_folder
from search.schema import stored_text

_FIRST, _FIRST_WORDS, _WORDS = 4, 50, 28
"""The first hits are quoted at more length than the rest."""
_SAME = 0.5
"""Share of words in common from which on a passage repeats another."""


class Hit:
    """One passage that answers a query: where it stands, who said it when, and its words.

    `time` is Unix milliseconds (0: unknown), `from_seq` and `to_seq` are references as in `Event.ref`;
    `voice` is human, assistant, tool or harness. Scores compare hits of one query only.
    """

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
        folders: assembled indexes, one a project; one that is missing holds nothing.
        query: words, a question, a path, an error message.
        filters: what a hit must be.
        limit: the most hits to return.

    Raises:
        DamagedError: an index cannot be read.
    """
    pools = [pool for folder in folders if (pool := _gather(folder, query, filters))] if limit > 0 else []
    worth: dict[str, float] = {}
    for pool in pools:
        worth.update(pool.worth)
    return _read(rank(pools), worth, limit)


def _gather(folder: Path, query: str, filters: Filters) -> Pool | None:
    try:
        index = open_folder(folder)
        return gather(Reader(index, restrictions(index.schema, filters)), query) if index else None
    except ValueError as error:
        # No query is invalid: what tantivy refuses is the index, cut short or of another schema.
        raise DamagedError(f"search index {folder}", "it cannot be read; compile anew") from error


def _read(ranked: Iterable[tuple[Pool, Candidate]], worth: Mapping[str, float], limit: int) -> list[Hit]:
    """The first `limit` hits; copies of a message count once, and so do the parts of a long one."""
    contents: set[str] = set()
    hits: dict[tuple[str, str, str], Hit] = {}
    extended: set[tuple[str, str, str]] = set()
    shown: list[frozenset[str]] = []
    for pool, candidate in ranked:
        if len(hits) == limit:
            break
        stored = pool.reader.document(candidate.address)
        content = stored_text(stored, "key")
        place = (
            stored_text(stored, "author"),
            stored_text(stored, "session_id"),
            stored_text(stored, "from_seq"),
        )
        if content in contents or place in extended:
            continue
        contents.add(content)
        words = _FIRST_WORDS if len(hits) < _FIRST else _WORDS
        passage = best_passage(stored_text(stored, "text"), worth, words)
        said = frozenset(passage.lower().split())
        if any(len(said & other) > _SAME * len(said | other) for other in shown):
            continue
        shown.append(said)
        if place not in hits:
            hits[place] = hit_of(
                stored,
                pool.reader.time(candidate.address),
                voice=candidate.voice,
                score=round(candidate.score, 4),
                snippet=passage,
            )
        elif candidate.raw > 0:
            hits[place].snippet += " … " + passage
            extended.add(place)
    return list(hits.values())


def hit_of(stored: tantivy.Document, time: int, *, voice: str, score: float, snippet: str) -> Hit:
    """The hit that a stored document is; the rest as in `Hit`."""
    return Hit(
        session_id=stored_text(stored, "session_id"),
        from_seq=stored_text(stored, "from_seq"),
        to_seq=stored_text(stored, "to_seq"),
        author=stored_text(stored, "author"),
        project=stored_text(stored, "project"),
        agent=stored_text(stored, "agent"),
        time=time,
        voice=voice,
        score=score,
        snippet=snippet,
    )
