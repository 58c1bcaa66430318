"""The steps of a compile, and who runs them: `DirectSteps` calls the plain functions in this process.

The tasks package offers the same steps as Prefect tasks. Arguments and results are small values that travel as JSON.
"""

import asyncio
from collections.abc import Sequence
from typing import Protocol

from compiler import index, ingest, publish, summarize, texts, tree
from compiler.base import Base, load_base
from compiler.runtime import Runtime
from compiler.work import Grown, Ingested, Made, Plan, Summarized, Texts, Unreadable
from data_models.records import CatalogEntry, Segment


class Steps(Protocol):
    """The steps of a compile, as some runner runs them. `label` says which part of the whole a batch is."""

    async def ingest(self, plan: Plan, receipts: Sequence[str], label: str) -> list[Ingested | Unreadable]:
        """Receipts to events."""
        ...

    async def summarize(self, plan: Plan, sessions: Sequence[Ingested], label: str) -> list[Summarized]:
        """Events to chunk summaries."""
        ...

    async def grow(self, plan: Plan, new: Sequence[Summarized]) -> Grown:
        """Chunk summaries to digests and rollups."""
        ...

    async def index(self, plan: Plan, entries: Sequence[CatalogEntry], label: str) -> Segment:
        """These sessions to one index segment."""
        ...

    async def write_texts(
        self, plan: Plan, new: Sequence[CatalogEntry], segments: Sequence[Segment]
    ) -> Texts:
        """Rollups to brief and full text: the root pass."""
        ...

    async def publish(
        self, plan: Plan, new: Sequence[CatalogEntry], segments: Sequence[Segment], texts: Texts, made: Made
    ) -> str:
        """Everything to a generation; its key."""
        ...


class DirectSteps:
    """The steps called in this process."""

    def __init__(self, runtime: Runtime) -> None:
        self.runtime = runtime

    async def ingest(self, plan: Plan, receipts: Sequence[str], label: str) -> list[Ingested | Unreadable]:
        """See `Steps.ingest`."""
        return await asyncio.to_thread(ingest.ingest, self.runtime, receipts, rebuild=plan.rebuild)

    async def summarize(self, plan: Plan, sessions: Sequence[Ingested], label: str) -> list[Summarized]:
        """See `Steps.summarize`."""
        account = self.runtime.account(plan.max_usd)
        return await summarize.summarize(self.runtime, sessions, account, rebuild=plan.rebuild)

    async def grow(self, plan: Plan, new: Sequence[Summarized]) -> Grown:
        """See `Steps.grow`."""
        base = await self._base(plan)
        mine = {(session.ingested.author, session.ingested.session_id) for session in new}
        known = [entry for owner, entry in base.entries.items() if owner not in mine]
        account = self.runtime.account(plan.max_usd)
        return await tree.grow(self.runtime, plan.project, known, new, account, rebuild=plan.rebuild)

    async def index(self, plan: Plan, entries: Sequence[CatalogEntry], label: str) -> Segment:
        """See `Steps.index`."""
        return await asyncio.to_thread(
            index.index_batch, self.runtime, plan.project, entries, plan.number, rebuild=plan.rebuild
        )

    async def write_texts(
        self, plan: Plan, new: Sequence[CatalogEntry], segments: Sequence[Segment]
    ) -> Texts:
        """See `Steps.write_texts`."""
        base = await self._base(plan)
        entries = {**base.entries, **{(entry.author, entry.session_id): entry for entry in new}}
        account = self.runtime.account(plan.max_usd)
        return await texts.write_texts(self.runtime, plan.project, list(entries.values()), segments, account)

    async def publish(
        self, plan: Plan, new: Sequence[CatalogEntry], segments: Sequence[Segment], texts: Texts, made: Made
    ) -> str:
        """See `Steps.publish`."""
        base = await self._base(plan)
        return await asyncio.to_thread(publish.publish, self.runtime, plan, base, new, segments, texts, made)

    async def _base(self, plan: Plan) -> Base:
        return await asyncio.to_thread(load_base, self.runtime, plan)
