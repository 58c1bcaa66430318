"""The latest statement beats the earlier: a later reversal about the same rare terms replaces it."""

from collections.abc import Sequence

import msgspec

from compiler.extractive import cues
from compiler.extractive.words import rarity, terms
from data_models.knowledge import Statement

_KINDS = frozenset({"decision", "pattern", "correction", "open_item"})
_SHARED = 0.6
_LEAST_RARE = 2
_MOST_COMMON = 0.05
_LEAST_GAP_MS = 60_000


def supersede(statements: Sequence[Statement]) -> list[Statement]:
    """The same statements, with `superseded_by` set on those that a later one reverses.

    A statement is superseded where a later one of a person or a commit speaks of reversing (dropped, instead
    of, renamed, …) and holds at least `_SHARED` of the earlier one's rarity-weighted terms.
    """
    documents = [terms(one.text) for one in statements]
    rare = rarity(documents)
    limit = max(3.0, _MOST_COMMON * len(statements))
    index: dict[str, list[int]] = {}
    for position, found in enumerate(documents):
        for term in found:
            index.setdefault(term, []).append(position)
    result = list(statements)
    for position, one in enumerate(statements):
        if one.kind not in _KINDS:
            continue
        near: dict[int, int] = {}
        for term in documents[position]:
            if len(index[term]) <= limit:
                for other in index[term]:
                    near[other] = near.get(other, 0) + 1
        for other, shared in sorted(near.items(), key=lambda item: -statements[item[0]].time):
            later = statements[other]
            if (
                shared >= _LEAST_RARE
                and _reverses(later, one)
                and _overlap(documents[position], documents[other], rare) >= _SHARED
            ):
                result[position] = msgspec.structs.replace(one, superseded_by=later.citations[:2])
                break
    return result


def _reverses(later: Statement, earlier: Statement) -> bool:
    if later.time < earlier.time + _LEAST_GAP_MS or later.kind not in (
        "decision",
        "correction",
        "done",
        "dead_end",
    ):
        return False
    if earlier.kind == "open_item":
        return later.kind == "done"
    return (
        later.by == "human"
        and bool(cues.REVERSAL.search(later.text))
        and not cues.REVERSAL.search(earlier.text)
    )


def _overlap(earlier: frozenset[str], later: frozenset[str], rare: dict[str, float]) -> float:
    total = sum(rare[term] for term in earlier)
    return sum(rare[term] for term in earlier & later) / total if total else 0.0
