"""Paid calls: each sent once, kept before anything else happens, within one limit, and counted.

Knows what a call cost and where its answer is kept; knows nothing of what is asked.
"""

import asyncio
import math
from collections.abc import Mapping, Sequence

from compiler.memoised import recall, remember
from data_models.errors import PipelineError
from data_models.records import Tokens, Usage
from data_models.settings import PriceSettings
from rlm.budget import Budget, Ledger
from rlm.cache import OnceOnly
from rlm.calls import Asker
from rlm.clients.errors import TransientError
from rlm.clients.options import PerLoop
from rlm.clients.protocol import Client, Completion, Request
from rlm.clients.usage import Usage as ClientUsage
from rlm.errors import ClientError
from rlm.prices import PRICES, Price, price_of
from rlm.result import RLMResult
from store.memo import Memo

REPLY = "reply"
"""Memo stage of models' answers, by `Request.digest`."""

OUTAGE = 25
"""So many calls in a row that fail for good, after all patience, are an outage and not bad luck."""

_WRITERS = 4
"""Batches of answers that are being written at the same time, at most."""

_Waiting = tuple[str, Completion, "asyncio.Future[None]"]


class Replies:
    """Models' answers in memo, so that one that arrived is never paid again, whatever dies. An `rlm.cache.Cache`.

    Answers that arrive while others are being written are written together, a few such batches side by side: a store
    far away takes as long for many as for one.

    Args:
        memo: where they are kept.
        at_once: so many calls may be on their way, answered but not kept yet included: no kill costs more than those.
    """

    def __init__(self, memo: Memo, at_once: int = 50) -> None:
        self._memo = memo
        self.once = OnceOnly(self)
        self.places = PerLoop(lambda: asyncio.Semaphore(at_once))
        self._waiting: list[_Waiting] = []
        self._writers: set[asyncio.Task[None]] = set()

    async def get(self, digest: str) -> Completion | None:
        """The answer kept, or None."""
        return await asyncio.to_thread(recall, self._memo, REPLY, digest, Completion)

    async def put(self, digest: str, completion: Completion) -> None:
        """Keep an answer; durable when this returns.

        Raises:
            StoreError: it could not be written.
        """
        done = asyncio.get_running_loop().create_future()
        self._waiting.append((digest, completion, done))
        if len(self._writers) < _WRITERS:
            writer = asyncio.create_task(self._write())
            self._writers.add(writer)
            writer.add_done_callback(self._writers.discard)
        await done

    async def _write(self) -> None:
        while self._waiting:
            batch, self._waiting = self._waiting, []
            failure = await self._written(batch)
            for _, _, done in batch:
                _tell(done, failure)

    async def _written(self, batch: Sequence[_Waiting]) -> Exception | None:
        values = [(digest, completion) for digest, completion, _ in batch]
        try:
            await asyncio.to_thread(remember, self._memo, REPLY, values)
        except Exception as error:  # noqa: BLE001  (told to each who waits)
            return error
        return None


def _tell(done: "asyncio.Future[None]", failure: Exception | None) -> None:
    if done.done():  # cancelled: nobody waits for it any more
        return
    if failure is None:
        done.set_result(None)
    else:
        done.set_exception(failure)


class Account:
    """What one step of a compile may spend, and what it spent.

    Args:
        replies: where answers are kept.
        max_usd: the most to spend, in US dollars; None for no limit.
        prices: own prices by model, over the dated table.
    """

    def __init__(
        self,
        replies: Replies,
        max_usd: float | None = None,
        prices: Mapping[str, PriceSettings] | None = None,
    ) -> None:
        self.replies = replies
        self.max_usd = max_usd
        self.usage = Usage()
        own = {name: Price(**price.model_dump()) for name, price in (prices or {}).items()}
        self.prices: Mapping[str, Price] = {**PRICES, **own}
        self._ledger = Ledger(Budget(usd=max_usd, seconds=math.inf), self.prices)
        self._asker = Asker(self._ledger, replies.once)
        self._failed = 0

    @property
    def left(self) -> float | None:
        """US dollars that may still be spent; None for no limit."""
        return None if self.max_usd is None else max(self.max_usd - self._ledger.cost.usd, 0.0)

    def part(self) -> "Part":
        """A part whose cost is told apart: one session's map, the root pass."""
        return Part(self)

    async def ask(self, client: Client, request: Request) -> tuple[Completion, Usage]:
        """The answer to one call, from memo where it is known, and what it cost now; see `Part.ask`."""
        self._ledger.check_models(client)
        try:
            async with self.replies.places.get():
                completion, known = await self._asker.ask(client, request)
        except TransientError as error:
            self._failed += 1
            if self._failed >= OUTAGE:
                raise outage(client) from error
            raise
        self._failed = 0
        return completion, Usage(cached=1) if known else usage_of(client.model, completion.usage, self.prices)

    def spend(self, model: str, used: ClientUsage) -> Usage:
        """Count what was spent within a budget that `left` gave; what it comes to."""
        self._ledger.spend(model, used)
        return usage_of(model, used, self.prices)


class Part:
    """One part of a step, whose cost is told apart.

    Args:
        account: what the whole step may spend.

    Attributes:
        usage: what it cost so far.
        trajectory: the records of the recursive run that it paid, as lines of JSON; none where there was none.
    """

    def __init__(self, account: Account) -> None:
        self.account = account
        self.usage = Usage()
        self.trajectory: tuple[str, ...] = ()

    async def ask(self, client: Client, request: Request) -> Completion:
        """The answer to one call, from memo where it is known.

        Raises:
            LimitError: it could pass the limit; nothing was sent.
            UnpricedModelError: dollars are limited, and the model has no known price.
            PipelineError: the provider has been failing for so long that going on is no use.
            ReplyError: what it answered, now or earlier, does not follow the request's schema.
            ClientError: it failed for good.
        """
        try:
            completion, usage = await self.account.ask(client, request)
        except ClientError as error:
            self._add(usage_of(client.model, error.usage, self.account.prices))
            raise
        self._add(usage)
        return completion

    def book(self, result: RLMResult) -> None:
        """Count what a recursive run spent within a budget that `Account.left` gave, and keep its record."""
        for model, used in result.usage.items():
            self._add(self.account.spend(model, used))
        self._add(Usage(cached=_cached(result)))
        self.trajectory = tuple(result.trajectory.lines())

    def _add(self, usage: Usage) -> None:
        self.usage += usage
        self.account.usage += usage


def _cached(result: RLMResult) -> int:
    """The answers that a run took from memo."""
    steps = [record for record in result.trajectory.records if record["kind"] == "step"]
    return sum(bool(one.get("cached")) for step in steps for one in (step, *step["calls"]))


def usage_of(model: str, used: ClientUsage, prices: Mapping[str, Price]) -> Usage:
    """What calls of one model cost."""
    price = price_of(model, prices)
    return Usage(
        calls=used.calls,
        input_tokens=used.input_tokens + used.cache_read_tokens + used.cache_write_tokens,
        output_tokens=used.output_tokens,
        usd=price.cost(used) if price else 0.0,
        models={
            model: Tokens(
                calls=used.calls,
                input_tokens=used.input_tokens,
                output_tokens=used.output_tokens,
                cache_read_tokens=used.cache_read_tokens,
                cache_write_tokens=used.cache_write_tokens,
            )
        },
        unpriced=() if price else (model,),
    )


def outage(client: Client) -> PipelineError:
    """The error for a provider that does not answer any more."""
    return PipelineError(
        f"{client.model} cannot be reached: {OUTAGE} calls in a row failed; every answer that arrived is kept",
        next_command="rlm-context compile",
        partial=True,
    )
