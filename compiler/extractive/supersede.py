"""The latest statement beats the earlier: a later reversal about the same rare terms replaces it."""

import math
import re
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, datetime

import msgspec

from compiler.extractive import cues
from compiler.extractive.text import shorten
from compiler.extractive.words import rarity, terms
from data_models.knowledge import Statement

SHARED = 0.6
"""Part of the earlier statement's rarity-weighted terms that the later one must hold."""

SHARED_OPEN = 0.5
"""The same for an open item, which names little besides what is missing."""

_REPLACEABLE = frozenset({"decision", "pattern", "correction", "open_item"})
_REPLACING = frozenset({"decision", "correction", "dead_end"})
_LEAST_RARE = 2
_MOST_COMMON = 0.05
_MOST_HOLDING = 12.0
_LEAST_GAP_MS = 60_000
_LEAST_CHOSEN = 3
_FEW = 8
_LONGEST_REPLACED = 110
_BECAUSE = re.compile(r",? (?:because|so|since|as) |: ", re.IGNORECASE)


def supersede(statements: Sequence[Statement]) -> list[Statement]:
    """The same statements, with `superseded_by` set on those that a later one reverses.

    A decision, rule or correction is superseded where somebody later speaks of reversing (dropped, instead of,
    renamed, …) what it chose; an open item where something named the same was done after it. What takes the
    place of a decision says which, and cites both.
    """
    told = [one for one in statements if one.kind != "asked"]
    documents = [terms(one.text) for one in told]
    rare = rarity(documents)
    index = _index(documents)
    replaced: dict[int, int] = {}
    for position, one in enumerate(told):
        if one.kind in _REPLACEABLE:
            wanted = _chosen(one)
            near = sorted(_near(wanted, index, len(told)), key=lambda other: (-told[other].time, other))
            for later in near:
                least = SHARED_OPEN if one.kind == "open_item" else SHARED
                if _reverses(told[later], one) and _overlap(wanted, documents[later], rare) >= least:
                    replaced[position] = later
                    break
    return [
        *(one for one in statements if one.kind == "asked"),
        *(_marked(position, told, replaced) for position in range(len(told))),
    ]


def _marked(position: int, told: Sequence[Statement], replaced: Mapping[int, int]) -> Statement:
    """The statement with what replaced it, or with the decision that it replaced."""
    one = told[position]
    if position in replaced:
        return msgspec.structs.replace(one, superseded_by=told[replaced[position]].citations[:2])
    earlier = [told[old] for old, new in replaced.items() if new == position and told[old].kind == "decision"]
    if one.kind not in ("decision", "correction") or not earlier:
        return one
    oldest = min(earlier, key=lambda old: (-old.weight, old.time, old.text))
    day = datetime.fromtimestamp(oldest.time / 1000, UTC).strftime("%Y-%m-%d")
    return msgspec.structs.replace(
        one,
        text=f"{one.text} (replaces {day}: {shorten(oldest.text, _LONGEST_REPLACED)})",
        citations=(*one.citations[:1], *oldest.citations[:1], *one.citations[1:]),
    )


def _chosen(statement: Statement) -> frozenset[str]:
    """The terms of what a statement chose, without its reason where it gives one."""
    reason = _BECAUSE.search(statement.text)
    chosen = terms(statement.text[: reason.start()]) if reason else frozenset()
    return chosen if len(chosen) >= _LEAST_CHOSEN else terms(statement.text)


def _index(documents: Sequence[frozenset[str]]) -> dict[str, list[int]]:
    index: dict[str, list[int]] = {}
    for position, found in enumerate(documents):
        for term in found:
            index.setdefault(term, []).append(position)
    return index


def _near(found: frozenset[str], index: dict[str, list[int]], total: int) -> Iterator[int]:
    """Statements that share at least `_LEAST_RARE` terms which few others hold."""
    most = max(_MOST_HOLDING, _MOST_COMMON * total)
    shared = Counter(other for term in found if len(index[term]) <= most for other in index[term])
    return (other for other, count in shared.items() if count >= _LEAST_RARE)


def _reverses(later: Statement, earlier: Statement) -> bool:
    if later.time < earlier.time + _LEAST_GAP_MS:
        return False
    if earlier.kind == "open_item":
        return later.kind == "done"
    if later.kind not in _REPLACING:
        return False
    if later.by != "human":
        return later.kind == "decision" == earlier.kind and bool(cues.REVERSED.search(later.text))
    return bool(cues.REVERSAL.search(later.text)) and not cues.REVERSAL.search(earlier.text)


def _overlap(earlier: frozenset[str], later: frozenset[str], rare: dict[str, float]) -> float:
    # fsum: exact, so that the order of a set (it differs between processes) cannot matter.
    total = math.fsum(rare[term] for term in earlier)
    weighted = math.fsum(rare[term] for term in earlier & later) / total if total else 0.0
    # A choice of a few words is held by most of them, however rare the one that was put differently.
    return max(weighted, len(earlier & later) / len(earlier) if len(earlier) <= _FEW else 0.0)
