"""From raw scores to ranked messages.

BM25 of single messages is blended with what stands around them: the neighbours' scores, the best window over
them and the whole session's. Only candidates are ranked again, so this costs the same in an index of any
size. The weights are rough on purpose; `benchmarks/search_quality.py` shows what they earn over plain BM25.
"""

from collections.abc import Iterable, Mapping, Sequence

from search.candidates import Candidate, Pool, Window

_PREVIOUS, _NEXT, _SESSION, _WINDOW = 0.3, 0.1, 0.2, 1.0
_NAME = 3.0
"""Weight of paths and other compound names that stand there whole, where they are all of the query."""
_VOICE = {"human": 1.2, "assistant": 1.0, "tool": 0.6, "harness": 0.8}
_REMARK_WORDS, _REMARK, _STATEMENT = 50, 0.9, 1.1
"""An assistant's short texts announce its next step; its long ones say what it found."""
_AGAIN = 0.87
"""Each further message of a session counts this much less, so that one session does not fill the answer."""


def rank(pools: Sequence[Pool]) -> list[tuple[Pool, Candidate]]:
    """The candidates of all indexes, best first; their `score` is set."""
    best = max((one.raw for pool in pools for one in pool.messages), default=0.0) or 1.0
    best_window = max((window.raw for pool in pools for window in pool.windows), default=0.0) or 1.0
    for pool in pools:
        _blend(pool.messages, _covered(pool.windows, best_window), best)
        _spread(pool.messages)
    ranked = [(pool, one) for pool in pools for one in pool.messages]
    return sorted(ranked, key=lambda pair: -pair[1].score)


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
        one.score = blended * _prior(one) + _NAME * one.named**2


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
