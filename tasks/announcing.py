"""Tells the Prefect server under which key of the store a run keeps its record.

Whoever finds the run there, and has the same store, sees by it whether the run lives: `rlm_context.hooks.trigger.dead`.
"""

import asyncio
from uuid import UUID

from prefect import get_client
from prefect.runtime import flow_run

from compiler.runs import RECORD_LABEL
from data_models.errors import PipelineError
from tasks.insisting import insist

_SECONDS = 300.0
"""Half of the time after which others call a run dead that has not told its key."""


async def announce(key: str) -> None:
    """Label the current flow run with its record's key.

    Raises:
        HTTPError: the server refuses.
        PipelineError: it did not take the label in time.
    """

    async def label() -> None:
        async with get_client() as client:
            await client.update_flow_run_labels(UUID(flow_run.id), {RECORD_LABEL: key})

    try:
        async with asyncio.timeout(_SECONDS):
            await insist(label)
    except TimeoutError as error:
        raise PipelineError(
            "the Prefect server was too busy for this run to begin", next_command="rlm-context compile"
        ) from error
