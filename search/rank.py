"""From an index's raw scores to ranked messages.

BM25 of single messages is blended with what stands around them: the neighbours' scores, the best window over
them and the whole session's. Only candidates are ranked again, so this costs the same in an index of any size.
Every weight was chosen on one half of a question set and kept because it also won on others
(`benchmarks/search_quality.py`).
"""

from collections.abc import Iterable, Mapping, Sequence

import tantivy

from search.expand import Concept
from search.schema import KINDS, VOICES

_MESSAGES, _WINDOWS = 200, 50
"""Candidates taken from the index."""
_OPENED, _INSIDE = 8, 150
"""The best windows are opened: so many of their messages become candidates, whatever their own words."""
_PREVIOUS, _NEXT, _SESSION, _WINDOW = 0.3, 0.1, 0.2, 1.0
_PARTS = 0.3
"""Weight of the words inside camelCase names."""
_VOICE = {"human": 1.2, "assistant": 1.0, "tool": 0.6, "harness": 0.8}
_REMARK_WORDS, _REMARK, _STATEMENT = 50, 0.9, 1.1
"""An assistant's short texts announce its next step; its long ones say what it found."""
_AGAIN = 0.87
"""Each further message of a session counts this much less, so that one session does not fill the answer."""

_Q = tantivy.Query
_MUST, _SHOULD, _MUST_NOT = tantivy.Occur.Must, tantivy.Occur.Should, tantivy.Occur.MustNot
_Found = Sequence[tuple[float, tantivy.DocAddress]]


class Candidate:
    """A message in the running: where it is stored, where it stands in its session, its scores."""

    __slots__ = ("address", "position", "raw", "score", "session", "voice", "words")

    def __init__(
        self, address: tantivy.DocAddress, raw: float, session: int, position: int, voice: int, words: int
    ) -> None:
        self.address = address
        self.raw = raw
        self.score = 0.0
        self.session = session
        self.position = position
        self.voice = VOICES[voice]
        self.words = words


class Window:
    """A window that matched: the messages of `session` from `start` on, `span` of them."""

    __slots__ = ("raw", "session", "span", "start")

    def __init__(self, raw: float, session: int, start: int, span: int) -> None:
        self.raw = raw
        self.session = session
        self.start = start
        self.span = span


class Pool:
    """What one index has to offer for a query, before it is compared with other indexes."""

    __slots__ = ("messages", "searcher", "windows")

    def __init__(
        self, searcher: tantivy.Searcher, messages: Sequence[Candidate], windows: Sequence[Window]
    ) -> None:
        self.searcher = searcher
        self.messages = messages
        self.windows = windows


def gather(
    searcher: tantivy.Searcher,
    schema: tantivy.Schema,
    concepts: Sequence[Concept],
    restrict: Sequence[tantivy.Query],
) -> Pool:
    """The candidates of one index.

    Args:
        searcher: the index.
        schema: its schema.
        concepts: what the query asks for.
        restrict: what every candidate must match besides.
    """
    body = _Q.boolean_query(
        [
            (_SHOULD, _any_of(schema, concepts, "body")),
            (_SHOULD, _Q.boost_query(_any_of(schema, concepts, "parts"), _PARTS)),
        ]
    )
    wide = _any_of(schema, concepts, "wide")
    windows = _windows(searcher, _best(searcher, _restricted(wide, restrict), _WINDOWS))
    found = dict(_keyed(_best(searcher, _restricted(body, restrict), _MESSAGES)))
    if windows:
        inside = _restricted(_inside(schema, windows[:_OPENED], body), restrict)
        for key, hit in _keyed(_best(searcher, inside, _INSIDE)):
            found.setdefault(key, hit)
    return Pool(searcher, _messages(searcher, list(found.values())), windows)


def rank(pools: Sequence[Pool]) -> list[tuple[Pool, Candidate]]:
    """The candidates of all indexes, best first; their `score` is set."""
    best = max((one.raw for pool in pools for one in pool.messages), default=0.0) or 1.0
    best_window = max((window.raw for pool in pools for window in pool.windows), default=0.0) or 1.0
    for pool in pools:
        _blend(pool.messages, _covered(pool.windows, best_window), best)
        _spread(pool.messages)
    ranked = [(pool, one) for pool in pools for one in pool.messages]
    return sorted(ranked, key=lambda pair: -pair[1].score)


def _any_of(schema: tantivy.Schema, concepts: Sequence[Concept], field: str) -> tantivy.Query:
    """Any concept in `field`; a concept counts by its best word, so synonyms do not add up."""
    clauses = []
    for concept in concepts:
        words = [
            _Q.boost_query(_Q.term_query(schema, field, stem, "freq"), weight)
            for stem, weight in concept.items()
        ]
        clauses.append((_SHOULD, words[0] if len(words) == 1 else _Q.disjunction_max_query(words)))
    return _Q.boolean_query(clauses)


def _inside(schema: tantivy.Schema, windows: Sequence[Window], body: tantivy.Query) -> tantivy.Query:
    """The messages that `windows` cover, scored by `body`."""
    places = []
    for window in windows:
        last = window.start + window.span - 1
        place = [
            (_MUST, _Q.term_query(schema, "session", window.session)),
            (_MUST, _Q.range_query(schema, "position", tantivy.FieldType.Integer, window.start, last)),
            (_MUST_NOT, _Q.term_query(schema, "kind", KINDS.index("window"))),
        ]
        places.append((_SHOULD, _Q.boolean_query(place)))
    silent = _Q.const_score_query(_Q.boolean_query(places), 0.0)
    return _Q.boolean_query([(_MUST, silent), (_SHOULD, body)])


def _restricted(query: tantivy.Query, restrict: Sequence[tantivy.Query]) -> tantivy.Query:
    if not restrict:
        return query
    silent = [(_MUST, _Q.const_score_query(one, 0.0)) for one in restrict]
    return _Q.boolean_query([(_MUST, query), *silent])


def _best(searcher: tantivy.Searcher, query: tantivy.Query, limit: int) -> _Found:
    # Without a count tantivy skips blocks of documents that cannot reach the best ones.
    found: _Found = searcher.search(query, limit, count=False).hits
    return found


def _keyed(found: _Found) -> Iterable[tuple[tuple[int, int], tuple[float, tantivy.DocAddress]]]:
    return (((hit[1].segment_ord, hit[1].doc), hit) for hit in found)


def _columns(searcher: tantivy.Searcher, found: _Found, names: Sequence[str]) -> Iterable[tuple[int, ...]]:
    addresses = [address for _, address in found]
    return zip(*(searcher.fast_field_values(name, addresses) for name in names), strict=True)


def _messages(searcher: tantivy.Searcher, found: _Found) -> list[Candidate]:
    rows = _columns(searcher, found, ("session", "position", "voice", "words"))
    return [Candidate(address, raw, *row) for (raw, address), row in zip(found, rows, strict=True)]


def _windows(searcher: tantivy.Searcher, found: _Found) -> list[Window]:
    rows = _columns(searcher, found, ("session", "position", "span"))
    return [Window(raw, *row) for (raw, _), row in zip(found, rows, strict=True)]


def _covered(windows: Sequence[Window], best: float) -> dict[tuple[int, int], float]:
    """The best window's score, squared to tell good from fair, at each (session, position) it covers."""
    scores: dict[tuple[int, int], float] = {}
    for window in windows:
        for position in range(window.start, window.start + window.span):
            scores.setdefault((window.session, position), (window.raw / best) ** 2)
    return scores


def _blend(messages: Sequence[Candidate], windows: Mapping[tuple[int, int], float], best: float) -> None:
    raw = {(one.session, one.position): one.raw / best for one in messages}
    sessions = _session_scores(messages)
    for one in messages:
        session, position = place = (one.session, one.position)
        blended = (
            raw[place]
            + _PREVIOUS * raw.get((session, position - 1), 0.0)
            + _NEXT * raw.get((session, position + 1), 0.0)
            + _SESSION * sessions[session]
            + _WINDOW * windows.get(place, 0.0)
        )
        one.score = blended * _prior(one)


def _prior(one: Candidate) -> float:
    weight = _VOICE[one.voice]
    if one.voice == "assistant":
        weight *= _REMARK if one.words < _REMARK_WORDS else _STATEMENT
    return weight


def _session_scores(messages: Sequence[Candidate]) -> dict[int, float]:
    """Each session's share, 0 to 1, of what was found; its second best message counts half, and so on."""
    totals: dict[int, float] = {}
    seen: dict[int, int] = {}
    for one in sorted(messages, key=lambda one: -one.raw):
        seen[one.session] = seen.get(one.session, 0) + 1
        totals[one.session] = totals.get(one.session, 0.0) + one.raw / seen[one.session]
    top = max(totals.values(), default=0.0) or 1.0
    return {session: total / top for session, total in totals.items()}


def _spread(messages: Iterable[Candidate]) -> None:
    seen: dict[int, int] = {}
    for one in sorted(messages, key=lambda one: -one.score):
        earlier = seen.get(one.session, 0)
        seen[one.session] = earlier + 1
        one.score *= _AGAIN**earlier
