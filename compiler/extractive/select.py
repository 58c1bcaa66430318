"""Which statements to keep: the heaviest of each kind, and among equals those that cover rare terms."""

import math
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Sequence

import msgspec

from compiler.extractive.words import rarity, terms
from data_models.knowledge import Statement

COST_POWER = 0.7
"""Exponent of a sentence's length in the coverage objective: gain / length ** 0.7."""

SAME_AUTHOR = 0.9
"""The same for authors, milder: a team's context is not one person's."""

WEIGHT_POWER = 1.5
"""Exponent of a statement's weight: above 1, so that a fine sentence beats two middling short ones."""

LIGHT = 1.0
"""Weight below which a pattern is a wish that counts only where it is repeated."""

BROADEST = 3
SAME_SESSION = 0.6
"""Each statement taken from a session makes its next one count less, so that no session fills a section."""


def best(statements: Iterable[Statement], per_kind: int) -> list[Statement]:
    """The `per_kind` heaviest statements of each kind, in a fixed order.

    Of patterns, rules, wishes and checks count apart: a wish weighs little until many have it.
    """
    kinds: dict[str, list[Statement]] = defaultdict(list)
    for statement in statements:
        light = statement.kind == "pattern" and statement.weight < LIGHT
        shelf = "check" if light and statement.by == "tool" else "wish" if light else statement.kind
        kinds[shelf].append(statement)
    kept = [one for kind in sorted(kinds) for one in sorted(kinds[kind], key=heaviest_first)[:per_kind]]
    return kept


def heaviest_first(statement: Statement) -> tuple[float, int, str]:
    """Sort key: support times weight, then newest, then text: an order that never depends on the input's."""
    return (-statement.weight * support(statement), -statement.time, statement.text)


def support(statement: Statement) -> float:
    """How much repetition counts: each further session adds half, each further author a whole."""
    return 1.0 + 0.5 * (statement.sessions - 1) + 1.0 * max(0, len(statement.authors) - 1)


def cover(statements: Sequence[Statement], limit: int) -> list[Statement]:
    """At most `limit` statements, chosen greedily by weight times the rarity of the terms they add."""
    documents = [terms(one.text) for one in statements]
    rare = rarity(documents)
    left = list(range(len(statements)))
    covered: set[str] = set()
    taken: Counter[str] = Counter()
    chosen: list[Statement] = []
    while left and len(chosen) < limit:
        index = max(left, key=lambda i: (_gain(statements[i], documents[i] - covered, rare, taken), -i))
        left.remove(index)
        covered |= documents[index]
        taken.update((*_sources(statements[index]), *statements[index].authors))
        chosen.append(statements[index])
    return chosen


def breadth(statements: Sequence[Statement]) -> Callable[[Statement], Statement]:
    """A function that makes a statement heavier the more sessions its three most shared terms come up in.

    What the whole team's work turns around is worth more room than a detail that one session saw.
    """
    sessions: dict[str, set[str]] = defaultdict(set)
    for one in statements:
        for term in terms(one.text):
            sessions[term] |= _sources(one)
    total = math.log(1 + len({source for one in statements for source in _sources(one)}))

    def weighed(one: Statement) -> Statement:
        shared = sorted((len(sessions[term]) for term in terms(one.text)), reverse=True)[:BROADEST]
        share = sum(math.log(count) for count in shared if count) / (BROADEST * total) if total else 0.0
        return msgspec.structs.replace(one, weight=one.weight * (0.5 + share))

    return weighed


def _gain(statement: Statement, new: frozenset[str], rare: dict[str, float], taken: Counter[str]) -> float:
    again = max((taken[source] for source in _sources(statement)), default=0)
    worth = max(0.1, statement.weight * support(statement)) ** WEIGHT_POWER * SAME_SESSION**again
    worth *= SAME_AUTHOR ** min((taken[author] for author in statement.authors), default=0)
    # fsum, because a set's order differs between processes and a rounded sum would differ with it.
    gain: float = worth * math.fsum(rare[term] for term in new) / len(statement.text) ** COST_POWER
    return gain


def _sources(statement: Statement) -> set[str]:
    return {cited.session_id for cited in statement.citations}


def top_terms(statements: Iterable[Statement], limit: int) -> tuple[str, ...]:
    """The terms that most statements share, longest first among equals."""
    counts: Counter[str] = Counter()
    for statement in statements:
        counts.update(term for term in terms(statement.text) if len(term) > 3)
    ranked = sorted(counts.items(), key=lambda item: (-item[1], -len(item[0]), item[0]))
    return tuple(term for term, _ in ranked[:limit])
