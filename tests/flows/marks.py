"""Knowing that a server has heard of all task runs that this process has had."""

import asyncio

from prefect import flow, task

from tests.flows.helpers import Api


@task(task_run_name="mark")
async def leave_mark() -> None:
    """Do nothing, and be told of."""


@flow(flow_run_name="mark")
async def mark() -> None:
    """A run of one task."""
    await leave_mark()


def hear_all(api: Api) -> None:
    """Wait until a server knows of all task runs so far: it hears of them in their order, so of this one last.

    To be called before a test looks at what a run did not do.
    """
    asyncio.run(mark())
    api.task_runs(api.flow_run("mark")["id"], "mark")
