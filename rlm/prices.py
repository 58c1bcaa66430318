"""What models cost and how much they take: one dated table, whose prices a user can override.

The figures were noted on the date below from a table that others ship, and were not confirmed with a page of the
providers'; so tokens are always recorded too, and the date stands beside every cost.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass

from rlm.clients.usage import Usage

PRICES_DATE = "2026-11-22"


@dataclass(frozen=True, slots=True)
class Price:
    """US dollars per million tokens, by kind."""

    input: float
    output: float
    cache_write: float = 0.0
    cache_read: float = 0.0

    def cost(self, usage: Usage) -> float:
        """US dollars for `usage`."""
        return (
            usage.input_tokens * self.input
            + usage.output_tokens * self.output
            + usage.cache_write_tokens * self.cache_write
            + usage.cache_read_tokens * self.cache_read
        ) / 1e6

    def times(self, share: float) -> "Price":
        """A share of this price."""
        return Price(*(share * each for each in (self.input, self.output, self.cache_write, self.cache_read)))


PRICES: Mapping[str, Price] = {
    "claude-haiku-4-5": Price(1.00, 5.00, 1.25, 0.10),
    "claude-haiku-5-5": Price(0.10, 0.50, 0.125, 0.01),
    "claude-sonnet-4-6": Price(3.00, 15.00, 3.75, 0.30),
    "claude-sonnet-5": Price(2.00, 10.00, 2.50, 0.20),
    "claude-sonnet-5-5": Price(2.00, 10.00, 2.50, 0.10),
    "claude-opus-5-5": Price(4.00, 20.00, 5.00, 0.20),
    "queue": Price(0, 0),
    "echo": Price(0, 0),
}

WINDOWS: Mapping[str, int] = {
    "claude-haiku-4-5": 200_000,
    "claude-haiku-5-5": 1_000_000,
    "claude-sonnet-4-6": 1_000_000,
}
"""Tokens that a model takes in one call, its answer included; of the same day and source as the prices."""

_BATCH = " (batch)"
_BATCH_SHARE = 0.5

# A snapshot of a model costs what the model costs: claude-haiku-4-5-20251001.
_SNAPSHOT = re.compile(r"-20\d{6}$")


def price_of(model: str, prices: Mapping[str, Price]) -> Price | None:
    """The price of a model, or None where it is unknown. A dated snapshot has its model's price."""
    known = prices.get(model) or prices.get(_SNAPSHOT.sub("", model))
    if known is None and model.endswith(_BATCH):
        whole = price_of(model.removesuffix(_BATCH), prices)
        return whole and whole.times(_BATCH_SHARE)
    return known


def batched(model: str) -> str:
    """The name under which calls to a model count that were answered in a batch: they cost half."""
    return model + _BATCH


def window_of(model: str) -> int | None:
    """The tokens that a model takes in one call, or None where that is unknown."""
    return WINDOWS.get(model) or WINDOWS.get(_SNAPSHOT.sub("", model))
