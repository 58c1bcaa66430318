"""Hands the map's calls for new sessions to a provider as batches, at half the price of single calls."""

import asyncio
from collections.abc import Iterator, Mapping
from typing import NamedTuple

import msgspec

from compiler.account import REPLY
from compiler.chunk import chunk_session
from compiler.memoised import recall
from compiler.models import chunks
from compiler.plan import plan
from compiler.runtime import Runtime
from compiler.turn import turn
from data_models.errors import DamagedError, KeyMissingError
from rlm.clients.errors import ProviderError, TransientError
from rlm.clients.protocol import BatchClient, Completion, Request
from rlm.errors import ClientError
from rlm.prices import Price, batched, price_of
from store.batches import close_batch, new_record, open_batches, write_id
from store.blobs import get_blob
from store.keys import session_of_receipt
from store.receipts import read_receipt
from transcripts.events import read_events

LEAST = 50
"""Fewer calls are not worth waiting for: single calls answer them within a minute."""

_MOST_CALLS = 1_000
_MOST_BYTES = 32 << 20
"""What one batch holds at most, and so what is in memory; the provider takes 100,000 calls and 256 MB."""


class Submitted(msgspec.Struct, frozen=True, kw_only=True):
    """What was handed over for one project.

    `usd` is the most that the answers can cost (US dollars; 0 where the model's price is not known), `refused` why the
    provider did not take more, "" where it took all: what it did not take is asked as any other call.
    """

    project: str
    batches: int = 0
    calls: int = 0
    sessions: int = 0
    usd: float = 0.0
    refused: str = ""


class _Asked(NamedTuple):
    """The calls that one upload needs, by their hashes, and those of them that are not handed over yet."""

    receipt: str
    digests: tuple[str, ...]
    new: Mapping[str, Request]

    @property
    def size(self) -> int:
        """UTF-8 bytes of what is new."""
        return sum(request.size for request in self.new.values())


async def submit(
    runtime: Runtime, project: str, *, max_usd: float | None = None, least: int = LEAST
) -> Submitted:
    """Hand over the calls that a compile of this project would send in its map, where that is worth it.

    Sessions that a batch holds already are left out, so a second call hands over nothing more. No compile of the
    project runs meanwhile: it would ask the same.

    Args:
        runtime: the process's runtime.
        project: the project.
        max_usd: the most that the answers may cost, in US dollars; None for no limit.
        least: fewer calls are left to the compile.

    Raises:
        StoreError: the store failed.
        ProviderError: no call to the provider can succeed.
    """
    nothing = Submitted(project=project)
    client = runtime.backend.batch_client() if runtime.settings.models.batches else None
    if client is None:
        return nothing
    price = price_of(batched(client.model), runtime.account().prices)
    if max_usd is not None and price is None:
        return nothing
    try:
        async with turn(runtime, project):
            return await _Submission(runtime, client, project, price, max_usd).run(least)
    finally:
        await runtime.backend.close()


class _Submission:
    """Fills one batch after the other; at most one is in memory."""

    def __init__(
        self, runtime: Runtime, client: BatchClient, project: str, price: Price | None, max_usd: float | None
    ) -> None:
        self._runtime = runtime
        self._client = client
        self._project = project
        self._price = price
        self._max_usd = max_usd
        self._batch: list[_Asked] = []
        self._done = Submitted(project=project)

    async def run(self, least: int) -> Submitted:
        """Hand over everything, unless it is too little."""
        asked = _asked(self._runtime, self._project, self._client.model)
        while (one := await asyncio.to_thread(next, asked, None)) is not None:
            if one.size > _MOST_BYTES or not self._affordable(one):
                continue  # the compile asks, within its own limit
            if self._is_full(one):
                await self._hand_over()
                if self._done.refused:
                    return self._done
            self._batch.append(one)
        if self._done.batches or sum(len(one.new) for one in self._batch) >= least:
            await self._hand_over()
        return self._done

    def _is_full(self, more: _Asked) -> bool:
        together = [*self._batch, more]
        calls, size = sum(len(one.new) for one in together), sum(one.size for one in together)
        return bool(self._batch) and (calls > _MOST_CALLS or size > _MOST_BYTES)

    def _affordable(self, more: _Asked) -> bool:
        if self._max_usd is None:
            return True
        return self._done.usd + sum(map(self._most, (*self._batch, more))) <= self._max_usd

    def _most(self, one: _Asked) -> float:
        """The most that the answers for one upload can cost: text seldom has fewer than two bytes a token."""
        if self._price is None:
            return 0.0
        dearest = max(self._price.input, self._price.cache_write)
        written = sum(request.max_tokens for request in one.new.values())
        return (one.size / 2 * dearest + written * self._price.output) / 1e6

    async def _hand_over(self) -> None:
        """Send one batch. Its record comes first, so that none is forgotten, whatever dies when."""
        batch, self._batch = self._batch, []
        requests = [request for one in batch for request in one.new.values()]
        if not requests:
            return
        store, name = self._runtime.store, self._runtime.settings.models.map
        uploads = {one.receipt: one.digests for one in batch}
        calls, usd = len(requests), sum(map(self._most, batch))
        record = await asyncio.to_thread(new_record, store, self._project, name, calls, uploads, usd)
        try:
            batch_id = await self._client.submit(requests)
        except ClientError as error:
            if not (isinstance(error, TransientError) and error.lost):  # lost: the provider may have it
                await asyncio.to_thread(close_batch, store, record.key)
            if isinstance(error, ProviderError):
                raise
            self._done = msgspec.structs.replace(self._done, refused=error.message)
            return
        await asyncio.to_thread(write_id, store, record.key, batch_id)
        self._done = Submitted(
            project=self._project,
            batches=self._done.batches + 1,
            calls=self._done.calls + calls,
            sessions=self._done.sessions + len(batch),
            usd=self._done.usd + usd,
        )


def _asked(runtime: Runtime, project: str, model: str) -> Iterator[_Asked]:
    """What each new upload asks of the model that neither memo nor a batch answers; one is in memory at a time."""
    found, _ = open_batches(runtime.store, project)
    held = {session_of_receipt(key) for batch in found for key in batch.record.uploads}
    handed_over: set[str] = set()
    todo = plan(runtime, project)
    for key in () if todo.drops else todo.new:  # what was forgotten has to go now, and nothing waits then
        if session_of_receipt(key) in held:
            continue
        requests = _requests(runtime, key, model)
        known = {digest for digest in requests if recall(runtime.memo, REPLY, digest, Completion)}
        unknown = {digest: request for digest, request in requests.items() if digest not in known}
        if unknown:
            new = {digest: request for digest, request in unknown.items() if digest not in handed_over}
            handed_over.update(new)
            yield _Asked(key, tuple(unknown), new)


def _requests(runtime: Runtime, receipt_key: str, model: str) -> dict[str, Request]:
    """The map's calls for an upload; none where it cannot be read, which the compile says."""
    try:
        receipt = read_receipt(runtime.store, receipt_key)
        events, _ = read_events(get_blob(runtime.store, receipt.slim))
    except (DamagedError, KeyMissingError):
        return {}
    cut = chunk_session(receipt.session_id, events, runtime.settings.chunk_tokens)
    asked = (request for chunk in cut for request in chunks.requests(model, chunk))
    return {request.digest(model): request for request in asked}
