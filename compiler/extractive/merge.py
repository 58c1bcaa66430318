"""Near-equal statements become one, with everything that supports it."""

from collections.abc import Iterable, Sequence
from typing import NamedTuple

import msgspec

from compiler.extractive import cues
from compiler.extractive.rules import habit
from compiler.extractive.words import likeness, terms
from data_models.knowledge import Statement

ALIKE = 0.72
"""Overlap coefficient from which two texts say the same."""

_LEAST_TERMS = 3
_LEAST_SHARE = 0.5
_KEYS = 4
_MOST_NEAR = 64  # groups compared for each key, heaviest first, so that a common word costs no more
_MOST_CITATIONS = 4


class _Gist(NamedTuple):
    """What two texts are compared by. "Use X" and "don't use X" share their terms, so the turn counts too."""

    text: str
    terms: frozenset[str]
    reverses: bool


def merge(statements: Iterable[Statement]) -> list[Statement]:
    """Near-equal statements of one kind joined; the heaviest wording stands for its group.

    Likeness is looked up through each text's longest terms, so the work is about linear.
    """
    groups: list[list[Statement]] = []
    gists: list[_Gist] = []
    index: dict[str, list[int]] = {}
    for statement in sorted(statements, key=_heaviest_first):
        gist = _gist(statement)
        keys = sorted(gist.terms, key=lambda term: (-len(term), term))[:_KEYS]
        near = dict.fromkeys(group for key in keys for group in index.get(key, ())[:_MOST_NEAR])
        home = next(
            (
                group
                for group in near
                if groups[group][0].kind == statement.kind and _alike(gists[group], gist)
            ),
            len(groups),
        )
        if home == len(groups):
            groups.append([])
            gists.append(gist)
            for key in keys:
                index.setdefault(key, []).append(home)
        groups[home].append(statement)
    return [_joined(group) for group in groups]


class Told:
    """What was said already, so that no statement stands in two sections."""

    def __init__(self) -> None:
        self._gists: list[_Gist] = []

    def add(self, statement: Statement) -> bool:
        """Note a statement; False if a near-equal one was noted before."""
        gist = _gist(statement)
        if any(_alike(gist, other) for other in self._gists):
            return False
        self._gists.append(gist)
        return True


def _heaviest_first(statement: Statement) -> tuple[float, int, str]:
    return (-statement.weight, -statement.time, statement.text)


def _gist(statement: Statement) -> _Gist:
    asked = habit(statement)
    if asked:
        about = f"habit {' '.join(sorted(asked))}"
        return _Gist(about, frozenset({about}), False)
    # A person's words are compared without what the agent made of them.
    text = statement.text.partition(" → ")[0] if statement.by == "human" else statement.text
    return _Gist(text.lower(), terms(text), bool(cues.REVERSAL.search(text)))


def _alike(one: _Gist, other: _Gist) -> bool:
    if one.text == other.text:
        return True
    smaller, larger = sorted((len(one.terms), len(other.terms)))
    if one.reverses != other.reverses or smaller < max(_LEAST_TERMS, _LEAST_SHARE * larger):
        return False
    return likeness(one.terms, other.terms) >= ALIKE


def _joined(group: Sequence[Statement]) -> Statement:
    first = group[0]
    if len(group) == 1:
        return first
    newest_first = sorted(group, key=lambda one: -one.time)
    citations = tuple(dict.fromkeys(cited for one in newest_first for cited in one.citations))
    return msgspec.structs.replace(
        first,
        citations=citations[:_MOST_CITATIONS],
        time=newest_first[0].time,
        sessions=_sessions(group),
        authors=tuple(sorted({author for one in group for author in one.authors})),
        files=tuple(dict.fromkeys(path for one in group for path in one.files)),
    )


def _sessions(group: Sequence[Statement]) -> int:
    # Several statements of one session count once; counts of rollups, whose sessions differ, add up.
    single = {one.citations[0].session_id for one in group if one.sessions == 1 and one.citations}
    return len(single) + sum(one.sessions for one in group if one.sessions > 1)
