"""What an index has to offer for a query: candidates with their raw scores."""

from collections.abc import Iterable, Sequence

import tantivy

from search.expand import Concept, first_word, idf
from search.schema import KINDS, VOICES
from search.words import stems

_MESSAGES, _WINDOWS, _NAMED = 200, 50, 100
"""Candidates by their words, windows, and candidates by the names that they hold."""
_OPENED, _INSIDE = 8, 150
"""The best windows are opened: so many of their messages become candidates, whatever their own words."""
_PARTS = 0.3
"""Weight of the words inside camelCase names."""

_Q = tantivy.Query
_MUST, _SHOULD, _MUST_NOT = tantivy.Occur.Must, tantivy.Occur.Should, tantivy.Occur.MustNot
_Found = Sequence[tuple[float, tantivy.DocAddress]]


class Candidate:
    """A message in the running: where it is stored, where it stands in its session, its scores."""

    __slots__ = ("address", "named", "position", "raw", "score", "session", "voice", "words")

    def __init__(
        self, address: tantivy.DocAddress, raw: float, session: int, position: int, voice: int, words: int
    ) -> None:
        self.address = address
        self.raw = raw
        self.named = 0.0
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
    names: Sequence[str],
    restrict: Sequence[tantivy.Query],
) -> Pool:
    """The candidates of one index.

    Args:
        searcher: the index.
        schema: its schema.
        concepts: what the query asks for.
        names: what it names letter by letter.
        restrict: what every candidate must match besides.
    """
    parts = _Q.boost_query(_any_of(schema, concepts, "parts"), _PARTS)
    body = _Q.boolean_query([(_SHOULD, _any_of(schema, concepts, "body")), (_SHOULD, parts)])
    wide = _any_of(schema, concepts, "wide")
    windows = _windows(searcher, _best(searcher, _restricted(wide, restrict), _WINDOWS))
    found = dict(_keyed(_best(searcher, _restricted(body, restrict), _MESSAGES)))
    if windows:
        inside = _restricted(_inside(schema, windows[:_OPENED], body), restrict)
        for key, hit in _keyed(_best(searcher, inside, _INSIDE)):
            found.setdefault(key, hit)
    named: dict[tuple[int, int], tuple[float, tantivy.DocAddress]] = {}
    if names:
        spelled = _restricted(_spelled(searcher, schema, concepts, names), restrict)
        named = dict(_keyed(_best(searcher, spelled, _NAMED)))
    for key, (_, address) in named.items():
        found.setdefault(key, (0.0, address))
    messages = _messages(searcher, list(found.values()))
    for key, one in zip(found, messages, strict=True):
        one.named = named[key][0] if key in named else 0.0
    return Pool(searcher, messages, windows)


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


def _spelled(
    searcher: tantivy.Searcher, schema: tantivy.Schema, concepts: Sequence[Concept], names: Sequence[str]
) -> tantivy.Query:
    """The messages that hold some of `names` whole, scored by the names' share of the whole query, 0 to 1."""
    rarity = {name: idf(searcher, name, "names") for name in names}
    inside = set(stems(" ".join(names)))
    other = sum(idf(searcher, word, "body") for word in map(first_word, concepts) if word not in inside)
    # A name that stands everywhere tells little, even alone.
    whole = max(sum(rarity.values()) + other, idf(searcher, "", "names"))
    clauses = []
    for name, worth in rarity.items():
        term = _Q.term_query(schema, "names", name, "basic")
        clauses.append((_SHOULD, _Q.const_score_query(term, worth / whole)))
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
