"""A compile's share of a nightly that does not come, as a Prefect task."""

import asyncio

from prefect import task
from prefect.cache_policies import NO_CACHE
from prefect.logging import get_run_logger
from prefect.runtime import flow_run

from compiler.maintenance.overdue import Share, do_share, is_overdue
from data_models.errors import RlmContextError
from tasks.compile import process_runtime


@task(name="maintenance", task_run_name="a share of the nightly", timeout_seconds=300, cache_policy=NO_CACHE)
async def share_of_nightly() -> Share:
    """Forget old runs, look for garbage, and read back a slice of the store."""
    return await asyncio.to_thread(do_share, process_runtime())


async def maintain_if_overdue(project: str) -> str:
    """Do a share of the nightly where none has come for too long; never in the night's own compiles.

    Args:
        project: what was compiled.

    Returns:
        What is wrong with the store or went wrong here, "" for nothing; the compile stands in any case.
    """
    if flow_run.parent_flow_run_id:
        return ""
    try:
        if not await asyncio.to_thread(is_overdue, process_runtime(), project):
            return ""
        share = await share_of_nightly()
    except Exception as error:  # noqa: BLE001  a generation is published by now: nothing here may take it back
        said = error.message if isinstance(error, RlmContextError) else type(error).__name__
        return f"maintenance failed: {said}"
    get_run_logger().info(
        "no nightly for days: %d objects read back, %d records of runs and %d objects of garbage removed",
        share.looked,
        share.runs_removed,
        share.garbage_removed,
    )
    if share.damaged:
        return "maintenance found damage in the store, which rlm-context store verify names"
    return f"maintenance failed: {share.failed}" if share.failed else ""
