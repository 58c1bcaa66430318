"""The latest statement beats the earlier: a later reversal about the same rare terms replaces it."""

import math
from collections import Counter
from collections.abc import Iterator, Sequence

import msgspec

from compiler.extractive import cues
from compiler.extractive.words import rarity, terms
from data_models.knowledge import Statement

SHARED = 0.6
"""Part of the earlier statement's rarity-weighted terms that the later one must hold."""

_REPLACEABLE = frozenset({"decision", "pattern", "correction", "open_item"})
_REPLACING = frozenset({"decision", "correction", "dead_end"})
_LEAST_RARE = 2
_MOST_COMMON = 0.05
_LEAST_GAP_MS = 60_000


def supersede(statements: Sequence[Statement]) -> list[Statement]:
    """The same statements, with `superseded_by` set on those that a later one reverses.

    A decision, rule or correction is superseded where a person later speaks of reversing (dropped, instead
    of, renamed, …) what it names; an open item where something named the same was done after it.
    """
    told = [one for one in statements if one.kind != "asked"]
    documents = [terms(one.text) for one in told]
    rare = rarity(documents)
    index = _index(documents)
    result: list[Statement] = [one for one in statements if one.kind == "asked"]
    for one, found in zip(told, documents, strict=True):
        by = None
        if one.kind in _REPLACEABLE:
            near = sorted(_near(found, index, len(told)), key=lambda other: (-told[other].time, other))
            by = next(
                (
                    told[other]
                    for other in near
                    if _reverses(told[other], one) and _overlap(found, documents[other], rare) >= SHARED
                ),
                None,
            )
        result.append(msgspec.structs.replace(one, superseded_by=by.citations[:2]) if by else one)
    return result


def _index(documents: Sequence[frozenset[str]]) -> dict[str, list[int]]:
    index: dict[str, list[int]] = {}
    for position, found in enumerate(documents):
        for term in found:
            index.setdefault(term, []).append(position)
    return index


def _near(found: frozenset[str], index: dict[str, list[int]], total: int) -> Iterator[int]:
    """Statements that share at least `_LEAST_RARE` terms which few others hold."""
    most = max(4.0, _MOST_COMMON * total)
    shared = Counter(other for term in found if len(index[term]) <= most for other in index[term])
    return (other for other, count in shared.items() if count >= _LEAST_RARE)


def _reverses(later: Statement, earlier: Statement) -> bool:
    if later.time < earlier.time + _LEAST_GAP_MS:
        return False
    if earlier.kind == "open_item":
        return later.kind == "done"
    if later.kind not in _REPLACING or later.by != "human":
        return False
    return bool(cues.REVERSAL.search(later.text)) and not cues.REVERSAL.search(earlier.text)


def _overlap(earlier: frozenset[str], later: frozenset[str], rare: dict[str, float]) -> float:
    # fsum: exact, so that the order of a set (it differs between processes) cannot matter.
    total = math.fsum(rare[term] for term in earlier)
    return math.fsum(rare[term] for term in earlier & later) / total if total else 0.0
