"""Limits that hold before a call is sent, and what has been spent under them.

One `Ledger` serves a whole tree of runs: a child draws on what its parent has left. Tokens and dollars are reserved
at an upper estimate before a call goes out and corrected when its usage is known; what does not fit while other calls
are in flight waits for them, and what does not fit at all is refused.
"""

import asyncio
import time
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

from rlm.clients.protocol import Client, Request
from rlm.clients.usage import Usage
from rlm.errors import LimitError, UnpricedModelError
from rlm.prices import PRICES_DATE, Price, price_of
from rlm.result import Cost


@dataclass(frozen=True, slots=True)
class Budget:
    """What one `complete` may use, its children included.

    Attributes:
        usd: US dollars, None for no limit.
        tokens: tokens of all kinds, None for no limit.
        calls: sub-calls: each prompt of `llm_query`, `llm_query_batched`, each child.
        batch: prompts in one batch.
        bytes: UTF-8 bytes of the prompts of one call or batch.
        seconds: wall time.
        iterations: model turns of one run; each child has as many.
        depth: how deep children may nest; 0 allows none.
        errors: turns in a row that failed or held nothing to run.
        at_once: sub-calls in flight at the same time.
        answer_tokens: the most that one model call may write.
    """

    usd: float | None = 1.0
    tokens: int | None = None
    calls: int = 256
    batch: int = 64
    bytes: int = 8_000_000
    seconds: float = 600.0
    iterations: int = 20
    depth: int = 1
    errors: int = 5
    at_once: int = 64
    answer_tokens: int = 4096


@dataclass(slots=True)
class Hold:
    """What is set aside for a call in flight; `usage` becomes what it used."""

    tokens: int
    usd: float
    usage: Usage = field(default_factory=Usage)


class Ledger:
    """Spending of one tree of runs.

    Args:
        budget: the limits.
        prices: US dollars by model.

    Raises:
        UnpricedModelError: on the first call of a model without a price, where dollars are limited.
    """

    def __init__(self, budget: Budget, prices: Mapping[str, Price]) -> None:
        self.budget = budget
        self.usage: dict[str, Usage] = {}
        self.calls = 0
        self.deadline = time.monotonic() + budget.seconds
        self._prices = prices
        self._usd = 0.0
        self._held: list[Hold] = []
        self._waiting: list[asyncio.Future[None]] = []

    @property
    def cost(self) -> Cost:
        """Dollars so far."""
        unpriced = tuple(sorted(model for model in self.usage if price_of(model, self._prices) is None))
        return Cost(self._usd, PRICES_DATE, unpriced)

    @property
    def tokens(self) -> int:
        """Tokens of all kinds so far."""
        return sum(usage.tokens for usage in self.usage.values())

    def check_models(self, *clients: Client) -> None:
        """Refuse models whose dollars cannot be counted though they are limited.

        Raises:
            UnpricedModelError: names the first.
        """
        for client in clients:
            if self.budget.usd is not None and price_of(client.model, self._prices) is None:
                raise UnpricedModelError(client.model)

    def check_time(self) -> None:
        """Refuse to start anything after the deadline.

        Raises:
            LimitError: the time is up.
        """
        if time.monotonic() >= self.deadline:
            raise self.time_is_up()

    def time_is_up(self) -> LimitError:
        """The error for a run that took too long."""
        allowed = self.budget.seconds
        return LimitError("seconds", allowed, f"the run's {allowed:g} seconds are up")

    def check_batch(self, sizes: list[int]) -> None:
        """Refuse a batch that is too large, before anything is done with its prompts.

        Args:
            sizes: UTF-8 bytes of each prompt.

        Raises:
            LimitError: too many prompts, or too many bytes.
        """
        budget, count, size = self.budget, len(sizes), sum(sizes)
        if count > budget.batch:
            raise LimitError("batch", budget.batch, f"{count:,} prompts in one batch; at most {budget.batch}")
        if size > budget.bytes:
            raise LimitError("bytes", budget.bytes, f"{size:,} bytes in one call; at most {budget.bytes:,}")

    def claim_calls(self, count: int) -> None:
        """Count sub-calls, all or none, before any is sent.

        Raises:
            LimitError: fewer are left.
        """
        left = self.budget.calls - self.calls
        if count > left:
            message = f"{count} sub-calls wanted, {left} of {self.budget.calls} are left"
            raise LimitError("calls", self.budget.calls, message)
        self.calls += count

    def spend(self, model: str, usage: Usage) -> None:
        """Count what was spent elsewhere under a budget that this ledger gave."""
        self._book(model, usage)

    @asynccontextmanager
    async def reserve(self, client: Client, request: Request) -> AsyncIterator[Hold]:
        """Set aside what a call may use; afterwards book what it did use.

        Yields:
            The hold. Set its `usage` once it is known; without one nothing is booked.

        Raises:
            LimitError: it cannot fit, even when all calls in flight have ended.
        """
        self.check_time()
        hold = await self._admit(client, request)
        try:
            yield hold
        finally:
            # Nothing is awaited here: a cancelled call is booked too, and nobody who waits is forgotten.
            self._held.remove(hold)
            self._book(client.model, hold.usage)
            self._wake()

    async def _admit(self, client: Client, request: Request) -> Hold:
        # Text seldom has fewer than two bytes a token. Only where that estimate is too much is the client asked.
        hold = self._hold(client, -(-request.size // 2), request.max_tokens)
        while refusal := self._refusal(hold):
            if not self._held:
                if self._refusal(self._hold(client, 0, request.max_tokens)):
                    raise refusal  # no count could make it fit, and to count is to send
                hold = self._hold(client, await client.count_tokens(request), request.max_tokens)
                if (refusal := self._refusal(hold)) and not self._held:
                    raise refusal
            if self._held and self._refusal(hold):
                self._waiting.append(settled := asyncio.get_running_loop().create_future())
                await settled
        self._held.append(hold)
        return hold

    def _wake(self) -> None:
        waiting, self._waiting = self._waiting, []
        for settled in waiting:
            if not settled.done():
                settled.set_result(None)

    def _hold(self, client: Client, input_tokens: int, output_tokens: int) -> Hold:
        usd = 0.0
        if price := price_of(client.model, self._prices):
            dearest = max(price.input, price.cache_write)
            usd = (input_tokens * dearest + output_tokens * price.output) / 1e6
        return Hold(input_tokens + output_tokens, usd)

    def _refusal(self, hold: Hold) -> LimitError | None:
        budget = self.budget
        tokens = self.tokens + sum(held.tokens for held in self._held)
        usd = self._usd + sum(held.usd for held in self._held)
        if budget.tokens is not None and tokens + hold.tokens > budget.tokens:
            need = f"a call of up to {hold.tokens:,} tokens"
            return LimitError("tokens", budget.tokens, f"{need}, {budget.tokens - tokens:,} are left")
        if budget.usd is not None and usd + hold.usd > budget.usd:
            left = max(budget.usd - usd, 0)
            return LimitError("usd", budget.usd, f"a call of up to ${hold.usd:.4f}, ${left:.4f} are left")
        return None

    def _book(self, model: str, usage: Usage) -> None:
        self.usage[model] = self.usage.get(model, Usage()) + usage
        if price := price_of(model, self._prices):
            self._usd += price.cost(usage)
