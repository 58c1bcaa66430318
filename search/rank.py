"""From an index's raw scores to ranked messages.

BM25 of single messages is blended with what stands around them: the neighbours' scores, the best window over
them and the whole session's. Weights of neighbours and session are those that won on held-out halves of public
long-conversation question sets; only the candidates are re-ranked, so the cost does not grow with the index.
"""

from collections.abc import Iterable, Mapping, Sequence

import tantivy

from search.schema import VOICES

_CANDIDATES = 100
_WINDOWS = 30
_PREVIOUS, _NEXT, _SESSION, _WINDOW = 0.3, 0.1, 0.2, 0.3
_VOICE_WEIGHT = {"human": 1.2, "assistant": 1.0, "tool": 0.7, "harness": 0.8}
_PARTS_WEIGHT = 0.3


class Candidate:
    """A message in the running: where it is stored, where it stands in its session, its scores."""

    __slots__ = ("address", "position", "raw", "score", "session", "voice")

    def __init__(
        self, address: tantivy.DocAddress, session: int, position: int, voice: str, raw: float
    ) -> None:
        self.address = address
        self.session = session
        self.position = position
        self.voice = voice
        self.raw = raw
        self.score = raw


def text_query(schema: tantivy.Schema, weights: Mapping[str, float], field: str) -> tantivy.Query:
    """Any of the weighted stems in `field`."""
    clauses = []
    for stem, weight in weights.items():
        term = tantivy.Query.term_query(schema, field, stem, "freq")
        clauses.append((tantivy.Occur.Should, tantivy.Query.boost_query(term, weight)))
    return tantivy.Query.boolean_query(clauses)


def candidates(
    searcher: tantivy.Searcher,
    schema: tantivy.Schema,
    weights: Mapping[str, float],
    restrict: Sequence[tantivy.Query],
) -> list[Candidate]:
    """The best messages, best first, by the blended score."""
    body = tantivy.Query.boolean_query(
        [
            (tantivy.Occur.Should, text_query(schema, weights, "body")),
            (
                tantivy.Occur.Should,
                tantivy.Query.boost_query(text_query(schema, weights, "parts"), _PARTS_WEIGHT),
            ),
        ]
    )
    found = _hits(searcher, _restricted(body, restrict), _CANDIDATES)
    windows = _hits(searcher, _restricted(text_query(schema, weights, "wide"), restrict), _WINDOWS)
    messages = _with_places(searcher, found)
    _blend(messages, _window_scores(searcher, windows))
    return sorted(messages, key=lambda one: -one.score)


def _restricted(query: tantivy.Query, restrict: Sequence[tantivy.Query]) -> tantivy.Query:
    if not restrict:
        return query
    silent = [(tantivy.Occur.Must, tantivy.Query.const_score_query(one, 0.0)) for one in restrict]
    return tantivy.Query.boolean_query([(tantivy.Occur.Must, query), *silent])


def _hits(
    searcher: tantivy.Searcher, query: tantivy.Query, limit: int
) -> list[tuple[float, tantivy.DocAddress]]:
    found: list[tuple[float, tantivy.DocAddress]] = searcher.search(query, limit, count=False).hits
    return found


def _with_places(
    searcher: tantivy.Searcher, found: Sequence[tuple[float, tantivy.DocAddress]]
) -> list[Candidate]:
    addresses = [address for _, address in found]
    columns = (searcher.fast_field_values(name, addresses) for name in ("session", "position", "voice"))
    return [
        Candidate(address, session, position, VOICES[voice], raw)
        for (raw, address), session, position, voice in zip(found, *columns, strict=True)
    ]


def _window_scores(
    searcher: tantivy.Searcher, found: Sequence[tuple[float, tantivy.DocAddress]]
) -> dict[tuple[int, int], float]:
    """The best window's score, 0 to 1, at each (session, position) that windows cover."""
    addresses = [address for _, address in found]
    columns = [searcher.fast_field_values(name, addresses) for name in ("session", "position", "span")]
    best = found[0][0] if found else 1.0
    scores: dict[tuple[int, int], float] = {}
    for (raw, _), session, start, span in zip(found, *columns, strict=True):
        for position in range(start, start + span):
            scores.setdefault((session, position), raw / best)
    return scores


def _blend(messages: Sequence[Candidate], windows: Mapping[tuple[int, int], float]) -> None:
    best = max((one.raw for one in messages), default=1.0) or 1.0
    raw = {(one.session, one.position): one.raw / best for one in messages}
    sessions = _session_scores(messages, best)
    for one in messages:
        place = (one.session, one.position)
        blended = (
            raw[place]
            + _PREVIOUS * raw.get((one.session, one.position - 1), 0.0)
            + _NEXT * raw.get((one.session, one.position + 1), 0.0)
            + _SESSION * sessions[one.session]
            + _WINDOW * windows.get(place, 0.0)
        )
        one.score = blended * _VOICE_WEIGHT[one.voice]


def _session_scores(messages: Iterable[Candidate], best: float) -> dict[int, float]:
    """How much of the candidates' score each session holds, 0 to 1; later ones of a session count less."""
    totals: dict[int, float] = {}
    seen: dict[int, int] = {}
    for one in messages:
        seen[one.session] = seen.get(one.session, 0) + 1
        totals[one.session] = totals.get(one.session, 0.0) + one.raw / best / seen[one.session]
    top = max(totals.values(), default=1.0) or 1.0
    return {session: total / top for session, total in totals.items()}
