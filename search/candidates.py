"""What an index has to offer for a query: candidates with their raw scores."""

from collections.abc import Iterable, Mapping, Sequence

import tantivy

from search.expand import first_word, own_concepts, synonym_weight, with_synonyms, worths
from search.reader import MUST, SHOULD, Concept, Found, Q, Reader, any_concept
from search.schema import BLOCK, VOICES, block_of
from search.words import query_names, stems

_MESSAGES, _WINDOWS, _NAMED = 200, 50, 100
"""Candidates by their words, windows, and candidates by the names that they hold."""
_OPENED, _INSIDE = 8, 150
"""The best windows are opened: so many of their messages become candidates, whatever their own words."""


class Candidate:
    """A message in the running: where it is stored, where it stands in its session, its scores."""

    __slots__ = ("address", "named", "position", "raw", "score", "session", "voice", "words")

    def __init__(
        self,
        address: tantivy.DocAddress,
        raw: float,
        named: float,
        session: int,
        position: int,
        voice: int,
        words: int,
    ) -> None:
        self.address = address
        self.raw = raw
        self.named = named
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
    """What one index has to offer, before it is compared with others; `worth` is what each stem tells."""

    __slots__ = ("messages", "reader", "windows", "worth")

    def __init__(
        self,
        reader: Reader,
        messages: Sequence[Candidate],
        windows: Sequence[Window],
        worth: Mapping[str, float],
    ) -> None:
        self.reader = reader
        self.messages = messages
        self.windows = windows
        self.worth = worth


def gather(reader: Reader, query: str) -> Pool:
    """The candidates of one index; none if the query holds no word."""
    concepts = own_concepts(query)
    if not concepts:
        return Pool(reader, (), (), {})
    wide = reader.best(any_concept(reader.schema, concepts, "wide"), _WINDOWS)
    weight = synonym_weight(reader, concepts, wide)
    if weight > 0:
        concepts = with_synonyms(query, concepts, weight)
        wide = reader.best(any_concept(reader.schema, concepts, "wide"), _WINDOWS)
    windows = [Window(raw, *row) for (raw, _), row in _rows(reader, wide, ("session", "position", "span"))]
    messages = _messages(reader, query, concepts, windows)
    return Pool(reader, messages, windows, worths(reader, concepts))


def _messages(
    reader: Reader, query: str, concepts: Sequence[Concept], windows: Sequence[Window]
) -> list[Candidate]:
    body = any_concept(reader.schema, concepts, "body")
    found = dict(_keyed(reader.best(body, _MESSAGES)))
    if windows:
        for key, hit in _keyed(reader.best(_inside(reader.schema, windows[:_OPENED], body), _INSIDE)):
            found.setdefault(key, hit)
    named = dict(_keyed(_spelled(reader, concepts, query_names(query))))
    for key, (_, address) in named.items():
        found.setdefault(key, (0.0, address))
    rows = _rows(reader, list(found.values()), ("session", "position", "voice", "words"))
    return [
        Candidate(address, raw, named[key][0] if key in named else 0.0, *row)
        for key, ((raw, address), row) in zip(found, rows, strict=True)
    ]


def _spelled(reader: Reader, concepts: Sequence[Concept], names: Sequence[str]) -> Found:
    """The messages that hold some of `names` whole, scored by the names' share of the whole query, 0 to 1."""
    if not names:
        return ()
    rarity = {name: reader.idf(name, "names") for name in names}
    inside = set(stems(" ".join(names)))
    other = sum(reader.idf(word, "wide") for word in map(first_word, concepts) if word not in inside)
    # A name that stands everywhere tells little, even alone.
    whole = max(sum(rarity.values()) + other, reader.idf("", "names"))
    clauses = []
    for name, worth in rarity.items():
        term = Q.term_query(reader.schema, "names", name, "basic")
        clauses.append((SHOULD, Q.const_score_query(term, worth / whole)))
    return reader.best(Q.boolean_query(clauses), _NAMED)


def _inside(schema: tantivy.Schema, windows: Sequence[Window], body: tantivy.Query) -> tantivy.Query:
    """The messages that `windows` cover, scored by `body`."""
    blocks = {
        block_of(window.session, position)
        for window in windows
        for position in range(window.start, window.start + window.span, BLOCK)
    }
    places = [(SHOULD, Q.term_query(schema, "block", block)) for block in blocks]
    silent = Q.const_score_query(Q.boolean_query(places), 0.0)
    return Q.boolean_query([(MUST, silent), (SHOULD, body)])


def _keyed(found: Found) -> Iterable[tuple[tuple[int, int], tuple[float, tantivy.DocAddress]]]:
    return (((hit[1].segment_ord, hit[1].doc), hit) for hit in found)


def _rows(
    reader: Reader, found: Found, names: Sequence[str]
) -> Iterable[tuple[tuple[float, tantivy.DocAddress], tuple[int, ...]]]:
    return zip(found, reader.columns(found, names), strict=True)
