"""Runs that somebody cancels in Prefect's UI and whose process no runner watches: those of a command line, and the
compiles of a night.

A runner ends the process of a run that it began. Of all others the server only notes that they shall end: without this
they would go on and spend, and show as cancelling for ever, since the server takes no other end from them.
"""

import asyncio
from collections.abc import Coroutine
from typing import Any, TypeVar
from uuid import UUID

from httpx import HTTPError
from prefect import get_client
from prefect.client.schemas.objects import StateType
from prefect.exceptions import PrefectException
from prefect.runtime import deployment, flow_run

T = TypeVar("T")

_LOOKS_EVERY = 5.0
_CANCELLED = (StateType.CANCELLING, StateType.CANCELLED)


class FlowRunCancelledError(Exception):
    """Somebody cancelled the current flow run."""


async def unless_cancelled(work: Coroutine[Any, Any, T]) -> T:
    """Do the work of the current flow run, and end it when somebody cancels that.

    Raises:
        Exception: what the work raised.
        FlowRunCancelledError: it was cancelled, and has ended.
    """
    if deployment.id and not flow_run.parent_flow_run_id:
        return await work
    doing, watching = asyncio.create_task(work), asyncio.create_task(_cancelled(UUID(flow_run.id)))
    try:
        await asyncio.wait((doing, watching), return_when=asyncio.FIRST_COMPLETED)
        if doing.done():
            return doing.result()
        watching.result()
        raise FlowRunCancelledError
    finally:
        doing.cancel()
        watching.cancel()
        await asyncio.gather(doing, watching, return_exceptions=True)


async def _cancelled(run: UUID) -> None:
    """Wait until the server says that a run was cancelled; one that does not answer is asked again."""
    async with get_client() as client:
        while True:
            await asyncio.sleep(_LOOKS_EVERY)
            try:
                found = await client.read_flow_run(run)
            except (
                HTTPError,
                PrefectException,
                ValueError,
            ):  # the last: a proxy's page, say, and no answer of Prefect
                continue
            if found.state and found.state.type in _CANCELLED:
                return
