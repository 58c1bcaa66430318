"""Near-equal statements become one, with everything that supports it."""

from collections.abc import Iterable, Sequence

import msgspec

from compiler.extractive.rules import habit
from compiler.extractive.words import likeness, terms
from data_models.knowledge import Statement

ALIKE = 0.72
_MOST_CITATIONS = 4
_LEAST_TERMS = 3
_LEAST_SHARE = 0.5


def merge(statements: Iterable[Statement]) -> list[Statement]:
    """Statements of one kind, near-equal ones joined; the best worded text stands for the group.

    Likeness is looked up through the two longest (rarest, as a rule) terms, so the work is about linear.
    """
    groups: list[list[Statement]] = []
    group_terms: list[frozenset[str]] = []
    index: dict[str, list[int]] = {}
    for statement in sorted(statements, key=_rank):
        asked = habit(statement)
        found = frozenset({f"habit {' '.join(sorted(asked))}"}) if asked else terms(statement.text)
        keys = sorted(found, key=lambda term: (-len(term), term))[:4]
        home = next(
            (
                group
                for key in keys
                for group in index.get(key, ())
                if groups[group][0].kind == statement.kind and _alike(group_terms[group], found)
            ),
            None,
        )
        if home is None:
            home = len(groups)
            groups.append([])
            group_terms.append(found)
            for key in keys:
                index.setdefault(key, []).append(home)
        groups[home].append(statement)
    return [_joined(group) for group in groups]


class Told:
    """What was said already, so that no statement stands in two sections."""

    def __init__(self) -> None:
        self._terms: list[frozenset[str]] = []

    def add(self, statement: Statement) -> bool:
        """Note a statement; False if a near-equal one was noted before."""
        found = terms(statement.text)
        if any(_alike(found, other) for other in self._terms):
            return False
        self._terms.append(found)
        return True


def _rank(statement: Statement) -> tuple[float, int, str]:
    return (-statement.weight, -statement.time, statement.text)


def _alike(left: frozenset[str], right: frozenset[str]) -> bool:
    if left == right:
        return True
    smaller, larger = sorted((len(left), len(right)))
    if smaller < max(_LEAST_TERMS, _LEAST_SHARE * larger):
        return False
    return likeness(left, right) >= ALIKE


def _joined(group: Sequence[Statement]) -> Statement:
    first = group[0]
    if len(group) == 1:
        return first
    citations = {citation: None for one in sorted(group, key=lambda s: -s.time) for citation in one.citations}
    sessions = {citation.session_id for citation in citations}
    authors = tuple(sorted({author for one in group for author in one.authors}))
    return msgspec.structs.replace(
        first,
        citations=tuple(citations)[:_MOST_CITATIONS],
        time=max(one.time for one in group),
        weight=max(one.weight for one in group),
        sessions=max(len(sessions), *(one.sessions for one in group)),
        authors=authors,
        files=tuple(dict.fromkeys(path for one in group for path in one.files))[:6],
    )
