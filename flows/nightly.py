"""The flow of the night: sweep, hand over batches, compile every project, verify, collect garbage, report."""

from collections.abc import Awaitable
from datetime import UTC, datetime
from typing import TypeVar

from prefect import flow, tags
from prefect.logging import get_run_logger
from prefect.runtime import deployment

from compiler.maintenance.nightly import Nightly, now_ms
from compiler.report import ProjectReport
from data_models.errors import PipelineError, RlmContextError
from flows.compile import compile_context
from flows.run import left
from tasks import nightly as steps
from tasks.compile import process_runtime

T = TypeVar("T")


def _run_name() -> str:
    return f"nightly {datetime.now(UTC):%Y-%m-%d}"


@flow(name="nightly-recompile", flow_run_name=_run_name)
async def nightly_recompile(max_usd: float | None = None) -> Nightly:
    """Bring everything up to date and look after the store; one part that fails does not stop the others.

    Args:
        max_usd: the most that all compiles of the night may spend on model calls together, in US dollars; None for
            no limit.

    Returns:
        What was done, which an artifact shows too.

    Raises:
        PipelineError: a part failed. All others were done, and the next night tries again.
    """
    night = Nightly(started=now_ms())
    with tags("rlm-context"):
        if swept := await _part(night, "sweep", steps.sweep()):
            night.swept = swept
        night.redacted = await _part(night, "redact again", steps.redact())
        await _compile_all(night, max_usd)
        night.purged = await _part(night, "purge", steps.purge_forgotten())
        night.verified = await _part(night, "verify", steps.verify())
        night.collected = await _part(night, "collect garbage", steps.collect())
        night.runs_removed = await _part(night, "forget old runs", steps.forget_runs()) or 0
        night = await steps.finish(night)
        await _part(night, "report page", steps.leave_page())
    if night.failed:
        raise PipelineError(
            f"failed in this night: {', '.join(sorted(night.failed))}",
            next_command="rlm-context status",
            partial=True,
        )
    return night


async def _compile_all(night: Nightly, max_usd: float | None) -> None:
    """Compile what is new, each project as a flow run of its own; what goes into a batch is left for the morning."""
    results: list[ProjectReport | RlmContextError] = []
    for project in await _part(night, "look for what is new", steps.projects_with_work()) or []:
        with tags(project):
            budget = _left(night, max_usd, results)
            if process_runtime().backend.paid:
                await _part(night, f"batches of {project}", _submit(night, project, budget, max_usd))
                budget = _left(night, max_usd, results)
            report = await _part(night, project, compile_context(project, False, budget))
        results.append(report or PipelineError(f"{project} failed"))
    night.projects = [report for report in results if isinstance(report, ProjectReport)]


def _left(
    night: Nightly, max_usd: float | None, results: list[ProjectReport | RlmContextError]
) -> float | None:
    """What may still be spent, the most that batches can cost counted as spent."""
    budget = left(max_usd, results)
    if budget is None:
        return None
    return max(budget - sum(one.usd for one in night.submitted), 0.0)


async def _submit(night: Nightly, project: str, budget: float | None, max_usd: float | None) -> None:
    """Hand over a project's batches, and see to it that they are collected by the morning."""
    submitted = await steps.submit_batches(project, budget)
    if not submitted.batches and not submitted.refused:
        return
    night.submitted.append(submitted)
    if submitted.batches and deployment.id:
        await steps.collect_later(project, max_usd)


async def _part(night: Nightly, name: str, part: Awaitable[T]) -> T | None:
    """What a part of the night gives; None where it failed, which the night then says."""
    try:
        return await part
    except Exception as error:  # noqa: BLE001  whatever stops one part, the others are done, and the run fails
        night.failed[name] = error.message if isinstance(error, RlmContextError) else type(error).__name__
        get_run_logger().error("%s failed: %s", name, night.failed[name])
        return None
