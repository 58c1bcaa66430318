"""What a run gives back."""

from dataclasses import dataclass
from typing import Literal

from rlm.clients.usage import Usage
from rlm.trajectory import Trajectory

Limit = Literal["usd", "tokens", "calls", "batch", "bytes", "seconds", "iterations", "depth", "errors"]
"""What a budget bounds, by its name there."""
StoppedBy = Limit | Literal["answer", "client", "sandbox", "cancelled"]


@dataclass(frozen=True, slots=True)
class Cost:
    """Dollars of a run.

    Attributes:
        usd: US dollars for all models whose price is known.
        prices_date: the date of the price table.
        unpriced: models without a known price, whose tokens are in no figure here.
    """

    usd: float
    prices_date: str
    unpriced: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class RLMResult:
    """How a run ended.

    Attributes:
        answer: the answer; if `stopped_by` is not "answer", what there was of it.
        stopped_by: "answer", the limit that ended the run, or what failed.
        usage: tokens by model, those of children included.
        cost: the same in dollars.
        trajectory: every step, those of children included.
    """

    answer: str
    stopped_by: StoppedBy
    usage: dict[str, Usage]
    cost: Cost
    trajectory: Trajectory
