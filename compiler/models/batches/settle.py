"""Batches that an earlier night handed over: what has been answered is taken, what has not is waited for or not.

A compile never waits itself. Up to `BOUND` a session whose calls a provider works on is left for a later compile; after
that the batch is cancelled, what it answered is taken, and the rest is asked as any other call.
"""

import asyncio
import shlex
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from http import HTTPStatus

import msgspec

from compiler.account import REPLY, usage_of
from compiler.base import load_base
from compiler.memoised import remember
from compiler.runtime import Runtime
from compiler.work import Plan, Summarized
from data_models.records import Usage
from rlm.clients.errors import ProviderError, RequestError, TransientError
from rlm.clients.protocol import BatchClient, Completion
from rlm.errors import ClientError
from rlm.prices import batched
from store.batches import BatchRecord, OpenBatch, close_batch, open_batches
from store.keys import session_of_receipt
from store.tombstones import read_tombstones

BOUND = 4 * 3600.0
"""Seconds that sessions wait for a batch, at most: what a night hands over is compiled by the morning."""

_CANCELLED_WITHIN = 300.0
"""Seconds that a cancelled batch gets to end, so that what it answered is known before anything is asked again."""
_RESULTS_KEPT = 30 * 86_400.0
"""Seconds after which no provider has a batch's results any more (Anthropic: 29 days)."""
_FIRST_WAIT, _LONGEST_WAIT = 0.25, 15.0
_CLOCK = 600.0
"""Seconds by which a provider's clock may differ from ours."""

_Results = Mapping[str, Completion | ClientError]


@dataclass(frozen=True)
class Settled:
    """What became of a project's batches.

    Attributes:
        waiting: sessions whose calls a provider still works on: project, author and session as in receipts' keys.
        paid: what the answers of each session cost, those shared out already left out.
        over: records of batches that need not be looked at again once a generation holds their sessions.
        told: what was not as usual.
    """

    waiting: frozenset[tuple[str, ...]] = frozenset()
    paid: dict[tuple[str, ...], Usage] = field(default_factory=dict)
    over: tuple[str, ...] = ()
    told: tuple[str, ...] = ()

    def leave(self, runtime: Runtime, todo: Plan) -> Plan:
        """The plan without the sessions that wait. Where nothing of the generation before can be kept, the others wait
        with them: a generation of those alone would hold less than readers have. Nothing waits where something was
        forgotten meanwhile, which has to go now."""
        ready = tuple(key for key in todo.new if session_of_receipt(key) not in self.waiting)
        if len(ready) == len(todo.new) or todo.drops:
            return todo
        if todo.parents and not load_base(runtime, todo).parts:
            ready = ()
        return msgspec.structs.replace(todo, new=ready)

    def share(self, sessions: Sequence[Summarized]) -> tuple[list[Summarized], Usage]:
        """The sessions, each with what its batched answers cost, and that of all of them."""
        shares = [self.paid.pop(session_of_receipt(one.ingested.receipt), Usage()) for one in sessions]
        shared = [
            msgspec.structs.replace(one, paid=one.paid + share)
            for one, share in zip(sessions, shares, strict=True)
        ]
        return shared, sum(shares, Usage())

    def rest(self) -> Usage:
        """What answers cost that are of no session shared out; then there is none left."""
        left = sum(self.paid.values(), Usage())
        self.paid.clear()
        return left

    def close(self, runtime: Runtime) -> None:
        """Forget the batches that are over.

        Raises:
            StoreError: the store failed; they are looked at again, which costs nothing.
        """
        for key in self.over:
            close_batch(runtime.store, key)


async def settle(runtime: Runtime, todo: Plan) -> Settled:
    """Take what the batches of a project have answered into memo, where the compile finds it.

    Args:
        runtime: the process's runtime.
        todo: what the compile has to do. Where that is to make everything anew, or to let go of what was forgotten,
            nothing may wait.

    Raises:
        StoreError: the store failed.
        ProviderError: no call to the provider can succeed.
    """
    if not runtime.backend.paid:
        return Settled()
    found, damaged = await asyncio.to_thread(open_batches, runtime.store, todo.project)
    mine = [batch for batch in found if batch.record.model == runtime.settings.models.map]
    oldest = (time.time() - _RESULTS_KEPT) * 1000
    gone = [batch.key for batch in found if batch not in mine and batch.record.since < oldest]
    settling = _Settling(runtime, todo.project, at_once=todo.rebuild or todo.drops)
    # Where there is no batch nobody is asked, and no key is needed.
    if mine and (client := await asyncio.to_thread(runtime.backend.batch_client)):
        for batch in mine:
            await settling.take(client, batch)
    return settling.settled(gone, damaged)


class _Settling:
    """Deals with one batch after the other."""

    def __init__(self, runtime: Runtime, project: str, *, at_once: bool) -> None:
        self._runtime = runtime
        self._project = project
        self._at_once = at_once
        self._waiting: set[tuple[str, ...]] = set()
        self._until: list[int] = []
        self._paid: dict[tuple[str, ...], Usage] = {}
        self._over: list[str] = []
        self._told: list[str] = []

    async def take(self, client: BatchClient, batch: OpenBatch) -> None:
        """Collect it, or see that it is not over."""
        until = batch.record.since + int(BOUND * 1000)
        results = await _results(client, batch, due=self._at_once or until <= time.time() * 1000)
        if results is None:
            self._waiting |= {session_of_receipt(key) for key in batch.record.uploads}
            self._until.append(until)
            return
        await self._keep(client.model, batch.record, results)
        self._over.append(batch.key)

    def settled(self, gone: Sequence[str], damaged: Sequence[str]) -> Settled:
        """What became of all; records that are gone were of models that nobody asks any more."""
        told = [*self._told, *(f"{key} is damaged: what it names is asked again" for key in damaged)]
        waiting = set() if self._at_once else self._waiting
        if waiting:
            told.append(f"{len(waiting)} sessions wait for a batch of model calls, {self._how_long()}")
        return Settled(frozenset(waiting), self._paid, (*self._over, *gone, *damaged), tuple(told))

    def _how_long(self) -> str:
        until = max(self._until)
        if until <= time.time() * 1000:
            return "whose provider could not be reached"
        moment = datetime.fromtimestamp(until / 1000, UTC)
        now = f"rlm-context compile --full --project {shlex.quote(self._project)}"
        return f"until {moment:%H:%M} UTC at most; now: {now}"

    async def _keep(self, name: str, record: BatchRecord, results: _Results) -> None:
        """Put answers into memo, also those that break their schema, as `rlm.calls.Asker` does; count each once."""
        model, prices = batched(name), self._runtime.account().prices
        answers = {digest: one for digest, one in results.items() if isinstance(one, Completion)}
        answered = len(answers)
        # What was forgotten meanwhile is paid, and not kept.
        standing = await asyncio.to_thread(_standing, self._runtime, record)
        for key, digests in record.uploads.items():
            mine = [(digest, answers.pop(digest)) for digest in digests if digest in answers]
            if key in standing:
                await asyncio.to_thread(remember, self._runtime.memo, REPLY, mine)
            cost = sum((usage_of(model, answer.usage, prices) for _, answer in mine), Usage())
            self._paid[session_of_receipt(key)] = self._paid.get(session_of_receipt(key), Usage()) + cost
        if results and answered < record.calls:
            self._told.append(
                f"{record.calls - answered} of {record.calls} calls of a batch were asked again"
            )


async def _results(client: BatchClient, batch: OpenBatch, *, due: bool) -> _Results | None:
    """The results of a batch, none where there is no such batch; None while it has to be waited for."""
    try:
        if batch.id is None:
            return await _lost(client, batch.record, due=due)
        found = await client.collect(batch.id)
        return await _cancelled(client, batch.id) if found is None and due else found
    except (RequestError, ProviderError) as error:
        if isinstance(error, ProviderError) and error.status != HTTPStatus.NOT_FOUND:
            raise
        return {} if due else None  # gone, or of somebody else's account
    except TransientError:  # who cannot be asked for results cannot be asked for anything else
        return None


async def _lost(client: BatchClient, record: BatchRecord, *, due: bool) -> _Results | None:
    """The same where the id was lost: a batch that holds our calls shows it once it has ended."""
    ids = await client.submitted(record.calls, record.since / 1000 - _CLOCK)
    ours = {digest for digests in record.uploads.values() for digest in digests}
    runs = False
    for batch_id in ids:
        results = await client.collect(batch_id)
        if results is not None and not ours.isdisjoint(results):
            return results
        runs = runs or results is None
    return None if runs and not due else {}


async def _cancelled(client: BatchClient, batch_id: str) -> _Results:
    """What a batch had answered when it was cancelled."""
    await client.cancel(batch_id)
    deadline, wait = time.monotonic() + _CANCELLED_WITHIN, _FIRST_WAIT
    while (results := await client.collect(batch_id)) is None and time.monotonic() < deadline:
        await asyncio.sleep(wait)
        wait = min(wait * 2, _LONGEST_WAIT)
    return results or {}


def _standing(runtime: Runtime, record: BatchRecord) -> set[str]:
    return set(read_tombstones(runtime.store).standing(record.uploads))
