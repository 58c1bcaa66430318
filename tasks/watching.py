"""What whoever watches a compile in Prefect sees while it is under way: whose sessions it is about, how far it is."""

import asyncio
from collections.abc import Awaitable, Iterable
from typing import TypeVar
from uuid import UUID

from httpx import HTTPError
from prefect import get_client
from prefect.artifacts import acreate_progress_artifact, aupdate_progress_artifact
from prefect.context import FlowRunContext
from prefect.exceptions import PrefectException

from compiler.work import Plan
from store.keys import decode_name, parse_receipt_key
from tasks.links import artifact_key

T = TypeVar("T")

_MOST_AUTHORS = 20
_LONGEST_TAG = 100
_STEP = 5.0
"""Percent between two updates, so that a compile of any size makes at most twenty."""


def author_tags(authors: Iterable[str]) -> list[str]:
    """The tags of runs that work on sessions of these authors; of more than twenty, the first by name."""
    return [f"author:{name}"[:_LONGEST_TAG] for name in sorted(set(authors))[:_MOST_AUTHORS]]


def authors_of(receipts: Iterable[str]) -> list[str]:
    """Whose sessions these receipts (keys) are of; a name too long for a key is left out."""
    parsed = (parse_receipt_key(key) for key in receipts)
    names = {decode_name(parts.author) for parts in parsed if parts}
    return sorted(name for name in names if name)


class Watch:
    """Tags the current flow run with the authors of its sessions, and shows how far its map is.

    Attributes:
        failed: why Prefect does not show all of it, as an error's name; "" where it does. No compile ends for that.
    """

    def __init__(self) -> None:
        self.failed = ""
        self._lock = asyncio.Lock()  # batches that go side by side tell of themselves
        self._number = 0
        self._artifact: UUID | None = None
        self._steps = self._done = 0
        self._shown = 0.0

    async def begin(self, plan: Plan) -> None:
        """Take note of a generation that is begun; again changes nothing.

        Args:
            plan: what it has to do.
        """
        async with self._lock:
            if plan.number == self._number:
                return
            self._number, self._steps, self._done, self._shown = plan.number, 2 * len(plan.new), 0, 0.0
            await self._tell(_tag_run(author_tags(authors_of(plan.new))))
            self._artifact = await self._tell(
                acreate_progress_artifact(
                    0.0,
                    key=artifact_key("progress", plan.project),
                    description=f"Sessions ingested and summarised for generation {plan.number} of {plan.project}",
                )
            )

    async def add(self, sessions: int) -> None:
        """Count sessions that were ingested, or summarised."""
        async with self._lock:
            self._done += sessions
            await self._show(100.0 * self._done / max(self._steps, 1))

    async def mapped(self) -> None:
        """The map is done, whatever had to be left out."""
        async with self._lock:
            await self._show(100.0)

    async def _show(self, percent: float) -> None:
        if self._artifact and (percent >= self._shown + _STEP or percent >= 100.0 > self._shown):
            self._shown = percent
            await self._tell(aupdate_progress_artifact(self._artifact, min(percent, 100.0)))

    async def _tell(self, telling: Awaitable[T]) -> T | None:
        """What Prefect answers; None where it does not."""
        try:
            return await telling
        except (HTTPError, PrefectException) as error:
            self.failed = type(error).__name__
            return None


async def _tag_run(new: list[str]) -> None:
    """Add tags to those of the current flow run."""
    context = FlowRunContext.get()
    if context is None or context.flow_run is None:
        return
    async with get_client() as client:
        await client.update_flow_run(context.flow_run.id, tags=sorted({*context.flow_run.tags, *new}))
