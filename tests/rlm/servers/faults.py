"""What may go wrong with a request, and plans that say with which."""

import random
from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

Kind = Literal[
    "status",  # an HTTP error; `status`, `retry_after`
    "reset",  # the connection is reset instead of an answer
    "hang",  # no answer, ever
    "truncated",  # the connection ends within the answer
    "garbage",  # an answer that is not JSON; in a stream the same as truncated
    "page",  # a web page, as of whatever stands at a mistaken address
    "invalid",  # JSON that does not follow the schema
    "prose",  # text where JSON was asked for
    "refusal",  # the model refuses
    "max_tokens",  # the answer is cut short
    "empty",  # an answer without content
]


@dataclass(frozen=True)
class Fault:
    """One thing that goes wrong."""

    kind: Kind
    status: int = 500
    retry_after: str = ""


Plan = Callable[[int, str], Fault | None]
"""From a request's number and path to its fault."""


def never(number: int, path: str) -> Fault | None:
    """Nothing goes wrong."""
    return None


def first(fault: Fault, times: int = 1) -> Plan:
    """The first `times` calls go wrong."""
    left = iter([fault] * times)
    return lambda number, path: next(left, None)


def always(fault: Fault) -> Plan:
    """Every call goes wrong."""
    return lambda number, path: fault


def sometimes(faults: list[Fault], rate: float, seed: int = 0) -> Plan:
    """Calls go wrong at random, with probability `rate`, in one of several ways."""
    rng = random.Random(seed)
    return lambda number, path: rng.choice(faults) if rng.random() < rate else None


def dealt(faults: list[Fault], each: int, seed: int) -> Plan:
    """Of every hundred calls, `each` go wrong in each of the ways, in random order."""
    rng = random.Random(seed)
    deck: list[Fault | None] = []

    def deal(number: int, path: str) -> Fault | None:
        if not deck:
            deck.extend([fault for fault in faults for _ in range(each)])
            deck.extend([None] * (100 - len(deck)))
            rng.shuffle(deck)
        return deck.pop()

    return deal
