"""Near-equal statements become one, with everything that supports it."""

import re
from collections.abc import Iterable, Sequence
from typing import NamedTuple

import msgspec

from compiler.extractive import cues
from compiler.extractive.rules import ISSUE, TODO
from compiler.extractive.wishes import Wish, clauses, keys, same, wish
from compiler.extractive.words import likeness, terms
from data_models.knowledge import Statement

ALIKE = 0.72
"""Overlap coefficient from which two texts say the same."""

ALIKE_IN_SESSION = 0.5
"""The same where both stand in one session: there a thing is proposed, decided and committed in three wordings."""

_LEAD_WORDS = 4
_LEAST_LEAD = 16
_LEAST_TERMS = 3
_LEAST_SHARE = 0.5
_LEAST_SHARE_IN_SESSION = 0.35
_KEYS = 4
_MOST_NEAR = 64  # groups compared for each key, heaviest first, so that a common word costs no more
_MOST_CITATIONS = 4


class _Gist(NamedTuple):
    """What two texts are compared by. "Use X" and "don't use X" share their terms, so the turn counts too; what was
    replaced is never what stands."""

    text: str
    lead: str
    terms: frozenset[str]
    reverses: bool
    wish: Wish | None
    sources: frozenset[str]
    replaced: bool


def merge(statements: Iterable[Statement]) -> list[Statement]:
    """Near-equal statements of one kind joined; the heaviest wording stands for its group.

    Likeness is looked up through each text's longest terms, so the work is about linear.
    """
    groups: list[list[Statement]] = []
    gists: list[_Gist] = []
    index: dict[str, list[int]] = {}
    for statement in sorted(statements, key=_heaviest_first):
        gist = _gist(statement)
        found_by = _keys(gist)
        near = dict.fromkeys(group for key in found_by for group in index.get(key, ())[:_MOST_NEAR])
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
            for key in found_by:
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
        if any(_alike(gist, other) for other in self._gists) or self._wished(statement):
            return False
        self._gists.append(gist)
        return True

    def _wished(self, statement: Statement) -> bool:
        """Whether a person's words begin with a wish that stands among the patterns, or a rule joins such wishes."""
        if statement.by != "human":
            return False
        told = [gist.wish for gist in self._gists if gist.wish]
        wished = [found for clause in clauses(statement.text.partition(" → ")[0]) if (found := wish(clause))]
        if statement.kind != "pattern":
            wished = wished[:1]
        elif len(wished) < 2:
            return False  # a pattern of one clause was compared as a whole
        return bool(wished) and all(any(same(one, other) for other in told) for one in wished)


def _heaviest_first(statement: Statement) -> tuple[float, int, str]:
    return (-statement.weight, -statement.time, statement.text)


def _gist(statement: Statement) -> _Gist:
    # A person's words are compared without what the agent made of them.
    text = statement.text.partition(" → ")[0] if statement.by == "human" else statement.text
    wished = wish(text) if statement.by == "human" and statement.kind == "pattern" else None
    sources = frozenset(cited.session_id for cited in statement.citations)
    reverses = statement.kind != "open_item" and bool(cues.REVERSAL.search(text))
    return _Gist(
        text.lower(), _lead(text), terms(text), reverses, wished, sources, bool(statement.superseded_by)
    )


def _lead(text: str) -> str:
    """The first words of a text, "" where they are too short to name anything."""
    lead = " ".join(re.findall(r"\w+", text.removeprefix(TODO).removeprefix(ISSUE).lower())[:_LEAD_WORDS])
    return lead if len(lead) >= _LEAST_LEAD else ""


def _keys(gist: _Gist) -> list[str]:
    """What a gist is looked up by: its text, and its longest terms or the words of its wish."""
    if gist.wish:
        return [gist.text, *keys(gist.wish)]
    return [gist.text, gist.lead, *sorted(gist.terms, key=lambda term: (-len(term), term))[:_KEYS]]


def _alike(one: _Gist, other: _Gist) -> bool:
    if one.replaced != other.replaced:
        return False
    if one.text == other.text or (one.lead and one.lead == other.lead and one.reverses == other.reverses):
        return True
    if one.wish and other.wish:
        return same(one.wish, other.wish)
    smaller, larger = sorted((len(one.terms), len(other.terms)))
    if one.sources & other.sources:
        long_enough = smaller >= max(_LEAST_TERMS, _LEAST_SHARE_IN_SESSION * larger)
        return long_enough and likeness(one.terms, other.terms) >= ALIKE_IN_SESSION
    if one.reverses != other.reverses or smaller < max(_LEAST_TERMS, _LEAST_SHARE * larger):
        return False
    return likeness(one.terms, other.terms) >= ALIKE


def _joined(group: Sequence[Statement]) -> Statement:
    first = group[0]
    if len(group) == 1:
        return first
    newest_first = sorted(group, key=lambda one: (-one.time, one.text))
    # The citation of the wording that stands comes first: there it can be read.
    cited = [*first.citations[:1], *(cited for one in newest_first for cited in one.citations)]
    citations = tuple(dict.fromkeys(cited))
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
    return _voices(one for one in group if one.sessions == 1 and one.citations) + sum(
        one.sessions for one in group if one.sessions > 1
    )


def _voices(alone: Iterable[Statement]) -> int:
    """The sessions behind these statements; a fork, which repeats an utterance with its time, is the same voice."""
    said: dict[tuple[int, str], set[str]] = {}
    for one in alone:
        said.setdefault((one.time, one.text), set()).add(one.citations[0].session_id)
    voices: list[set[str]] = []
    for sessions in said.values():
        same_voice = [voice for voice in voices if voice & sessions]
        voices = [voice for voice in voices if not voice & sessions]
        voices.append(sessions.union(*same_voice))
    return len(voices)
