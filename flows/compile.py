"""The flow that compiles one project: plan, ingest, chunk and summarize, tree, index, root, publish."""

import asyncio
import os
from contextvars import ContextVar
from typing import cast

from prefect import flow, tags
from prefect.logging import get_run_logger
from prefect.runtime import deployment
from prefect.states import Cancelled

from compiler.pipeline import compile_project
from compiler.report import ProjectReport
from compiler.runs import recorded
from compiler.turn import others_compile
from tasks.announcing import announce
from tasks.artifacts import forget_artifacts, show
from tasks.cancelling import FlowRunCancelledError, unless_cancelled
from tasks.compile import PrefectSteps, process_runtime
from tasks.dask import dask_cluster
from tasks.insisting import insist
from tasks.overdue import maintain_if_overdue

STARTED_BY: ContextVar[str] = ContextVar("started_by", default="command line")
"""What started the compiles of this process, as their records say it; where a deployment did, that is named."""

ON_MODAL = "MODAL_TASK_ID"
"""A variable that only containers on Modal have."""


@flow(name="compile-context", flow_run_name="compile {project}")
async def compile_context(project: str, full: bool = False, max_usd: float | None = None) -> ProjectReport:
    """Compile a project until its inbox holds nothing new, and publish the result.

    Args:
        project: the project's name in the store.
        full: make everything anew from the uploads.
        max_usd: the most that this compile may spend on model calls, in US dollars; None for no limit.

    Returns:
        What was done.

    Raises:
        CancelledRun: somebody cancelled it in Prefect's UI.
        RlmContextError: a step failed for good. What was done so far is kept, and the next run goes on there.
    """
    runtime = process_runtime()
    async with dask_cluster(runtime.settings) as cluster:
        steps = PrefectSteps(cluster)

        async def run() -> ProjectReport:
            if others := await asyncio.to_thread(others_compile, runtime.store, project):
                get_run_logger().info("waiting for %s", others)
            report = await compile_project(runtime, project, steps, full=full, max_usd=max_usd)
            _log(report, steps.number)
            if steps.number:
                await _show(report, steps)
            if trouble := await maintain_if_overdue(project):
                report.degraded.append(trouble)
            return report

        with tags("rlm-context", project):
            try:
                return await unless_cancelled(recorded(runtime, project, _trigger(), run, announce))
            except FlowRunCancelledError:
                # A state that a flow returns is its own, and a run that is being cancelled ends in no other.
                return cast(
                    "ProjectReport", Cancelled(message="What it did is kept; the next one goes on there.")
                )


def _trigger() -> str:
    """What started this run. By itself, since a flow's own names travel to Dask's workers, and no variable can."""
    return deployment.name or ("Modal" if ON_MODAL in os.environ else STARTED_BY.get())


async def _show(report: ProjectReport, steps: PrefectSteps) -> None:
    """Make the artifacts. The generation stands without them, so a failure is said and stops nothing."""
    try:
        if steps.drops:
            await insist(lambda: forget_artifacts(report.project))
        await insist(lambda: show(steps.number, report, steps.entries, steps.rejects))
    except Exception as error:  # noqa: BLE001  it is told; what is published stands
        get_run_logger().error("the artifacts were not made (%s)", type(error).__name__)
        report.degraded.append("Prefect shows neither the brief nor the numbers of this run")
    if steps.watch.failed:
        report.degraded.append(f"Prefect does not show all of this run ({steps.watch.failed})")


def _log(report: ProjectReport, number: int) -> None:
    if not number:
        get_run_logger().info("%s: nothing new", report.project)
        return
    get_run_logger().info(
        "%s: generation %d, %d new sessions, %d new chunks, %d digests and %d rollups made, in %.1f s",
        report.project,
        number,
        report.sessions.new,
        report.chunks.new,
        report.nodes.digest.new,
        report.nodes.rollup.new,
        report.seconds.total,
    )
