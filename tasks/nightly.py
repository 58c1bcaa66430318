"""The nightly's own steps as Prefect tasks, and the artifact that sums up a night."""

import asyncio
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from time import perf_counter
from typing import TypeVar

from prefect import task
from prefect.artifacts import acreate_markdown_artifact
from prefect.deployments import arun_deployment
from prefect.exceptions import ObjectNotFound
from prefect.logging import get_run_logger

from compiler.forgetting.purge import Purged, purge
from compiler.maintenance import nightly
from compiler.maintenance.garbage import Collected
from compiler.maintenance.garbage import collect as collect_garbage
from compiler.maintenance.nightly import Nightly, Swept
from compiler.maintenance.redacting_again import RedactedAgain, redact_again
from compiler.maintenance.verify import Verified, verify_store
from compiler.models.batches.settle import BOUND
from compiler.models.batches.submit import Submitted, submit
from compiler.reporting.leave import REPORT_KEY, leave_report
from compiler.runtime import Runtime
from data_models.records import Usage
from rlm.prices import PRICES_DATE
from tasks.compile import process_runtime
from tasks.inert import one_line
from tasks.links import artifact_key, artifact_link
from tasks.logs import figures, log_step
from tasks.options import STEP, StepOptions

T = TypeVar("T")

ARTIFACT = "rlm-context-nightly"
COMPILE = "compile-context/on-session-end"
"""The deployment that compiles one project."""
_SHOWN = 100
_WHOLE_STORE: StepOptions = {**STEP, "timeout_seconds": 6 * 3600.0}  # reads everything there is


@task(name="sweep", task_run_name="sweep this machine", **STEP)
async def sweep() -> Swept:
    """Upload what hooks missed and what waits in the spool."""
    return await _done(nightly.sweep)


@task(name="redact again", task_run_name="new redaction rules over old uploads", **_WHOLE_STORE)
async def redact() -> RedactedAgain:
    """Bring what is stored up to the redaction rules of this night."""
    return await _done(redact_again)


@task(name="purge", task_run_name="remove what was forgotten", **_WHOLE_STORE)
async def purge_forgotten() -> Purged:
    """Remove what held the words of forgotten sessions and of states that were not clean."""
    return await _done(purge)


@task(name="look", task_run_name="look for what is new", **STEP)
async def projects_with_work() -> list[str]:
    """The projects to compile."""
    begun = perf_counter()
    names = await asyncio.to_thread(nightly.waiting, process_runtime())
    log_step(begun, f"projects {len(names):,}")
    return names


@task(name="submit", task_run_name="batches, {project}", **STEP)
async def submit_batches(project: str, max_usd: float | None = None) -> Submitted:
    """Hand the calls for a project's new sessions to their provider, where it takes batches."""
    return await submit(process_runtime(), project, max_usd=max_usd)


async def collect_later(project: str, max_usd: float | None) -> None:
    """Have the project compiled once its batches have ended or count no more, by the deployment that sessions trigger;
    where that is not served, the next compile or night does it."""
    when = datetime.now(UTC) + timedelta(seconds=BOUND)
    try:
        await arun_deployment(
            COMPILE,
            parameters={"project": project, "max_usd": max_usd},
            flow_run_name=f"compile {project}",
            scheduled_time=when,
            timeout=0,
            as_subflow=False,
            tags=["rlm-context", project],
            idempotency_key=f"batches:{project}:{when:%Y-%m-%d}",
        )
    except ObjectNotFound:
        get_run_logger().info("%s is not deployed: the next compile collects the batches", COMPILE)


@task(name="verify", task_run_name="verify the store", **_WHOLE_STORE)
async def verify() -> Verified:
    """Read everything in the store back."""
    return await _done(verify_store)


@task(name="collect", task_run_name="collect garbage", **_WHOLE_STORE)
async def collect() -> Collected:
    """Remove what nothing has needed for a day."""
    return await _done(collect_garbage)


@task(name="forget", task_run_name="forget old runs", **STEP)
async def forget_runs() -> int:
    """Remove the records of old runs."""
    return await _done(nightly.forget_runs)


@task(name="finish", task_run_name="report", **STEP)
async def finish(night: Nightly) -> Nightly:
    """Remember the night, and show what it did."""
    done = await asyncio.to_thread(nightly.finish, process_runtime(), night)
    await acreate_markdown_artifact(nightly_markdown(done), key=ARTIFACT, description="What the nightly did")
    return done


@task(name="report page", task_run_name="report page", **STEP)
async def leave_page() -> str:
    """Leave the report's page in the store; its key."""
    return await asyncio.to_thread(leave_report, process_runtime())


async def _done(part: Callable[[Runtime], T]) -> T:
    """What a part of the night gives, whose figures go to the log."""
    begun = perf_counter()
    done = await asyncio.to_thread(part, process_runtime())
    log_step(begun, figures(done))
    return done


def nightly_markdown(night: Nightly) -> str:
    """A night as Markdown: what failed, what changed and what it cost, what is damaged, how the store grew."""
    parts = (
        ("Failed", _failed),
        ("Compiled", _compiled),
        ("Batches", _batches),
        ("Not as usual", _degraded),
        ("Swept", _swept),
        ("Forgotten", _forgotten),
        ("Damaged", _damaged),
        ("Store", _store),
    )
    title = f"# Nightly, {datetime.fromtimestamp(night.started / 1000, UTC):%Y-%m-%d %H:%M} UTC"
    return "\n\n".join([title, *_sections(night, parts)]) + "\n"


def _sections(
    night: Nightly, parts: tuple[tuple[str, Callable[[Nightly], Iterator[str]]], ...]
) -> Iterator[str]:
    for title, told in parts:
        lines = list(told(night))
        if lines:
            yield "\n".join([f"## {title}", "", *lines])


def _failed(night: Nightly) -> Iterator[str]:
    for name, reason in night.failed.items():
        yield f"- **{one_line(name, 200)}**: {one_line(reason, 500)}"


def _compiled(night: Nightly) -> Iterator[str]:
    if not night.projects:
        yield "Nothing was new."
        return
    yield "| project | new sessions | new chunks | nodes made | model calls | US dollars | seconds | degraded |"
    yield "|---|---:|---:|---:|---:|---:|---:|---:|"
    for report in night.projects:
        yield (
            f"| {artifact_link(one_line(report.project, 200), artifact_key('brief', report.project))} "
            f"| {report.sessions.new:,} | {report.chunks.new:,} "
            f"| {report.nodes.digest.new + report.nodes.rollup.new:,} "
            f"| {report.llm.calls:,} | {report.llm.usd:.4f} | {report.seconds.total:.1f} "
            f"| {len(report.degraded):,} |"
        )
    usage = night.usage
    if usage.calls:
        yield ""
        yield f"{usage.calls:,} model calls, ${usage.usd:.4f} (prices of {PRICES_DATE})."


def _batches(night: Nightly) -> Iterator[str]:
    collected = sum((report.batched for report in night.projects), Usage())
    if collected.calls:
        yield f"- {collected.calls:,} answers of earlier nights' batches collected, ${collected.usd:.4f}"
    for one in night.submitted:
        name = one_line(one.project, 200)
        if one.batches:
            yield (
                f"- {name}: {one.calls:,} calls for {one.sessions:,} sessions handed over in {one.batches:,} "
                f"{'batch' if one.batches == 1 else 'batches'}, ${one.usd:.4f} at most; a later compile collects them"
            )
        if one.refused:
            yield f"- {name}: not all were taken, {one_line(one.refused, 300)}"


def _degraded(night: Nightly) -> Iterator[str]:
    lines = [(report.project, line) for report in night.projects for line in report.degraded]
    for project, line in lines[:_SHOWN]:
        yield f"- {one_line(project, 200)}: {one_line(line, 300)}"
    if len(lines) > _SHOWN:
        yield f"- and {len(lines) - _SHOWN:,} more: rlm-context compile --json"


def _forgotten(night: Nightly) -> Iterator[str]:
    redacted, purged = night.redacted, night.purged
    if redacted and (redacted.read or redacted.left):
        kinds = ", ".join(f"{count:,} {kind}" for kind, count in sorted(redacted.redactions.items()))
        yield (
            f"- {redacted.read:,} uploads read under new redaction rules: {redacted.withdrawn:,} withdrawn, for "
            f"{redacted.replaced:,} of which a cleaner one stands{f' ({kinds})' if kinds else ''}; {redacted.left:,} "
            f"left for the next night, {redacted.unreadable:,} cannot be read"
        )
    if purged and purged.objects:
        yield f"- {purged.objects:,} objects removed that held such words, {purged.answers:,} of them models' answers"
    for project in purged.waiting if purged else ():
        yield f"- **{one_line(project, 200)}** still holds such words: it has to be compiled first"


def _swept(night: Nightly) -> Iterator[str]:
    swept = night.swept
    if swept != Swept():
        yield (
            f"{swept.uploaded:,} sessions uploaded, {swept.kept:,} not shared, {swept.skipped:,} files unreadable, "
            f"{swept.flushed:,} uploads of the spool in their stores."
        )


def _damaged(night: Nightly) -> Iterator[str]:
    faults = night.verified.faults if night.verified else []
    for fault in faults[:_SHOWN]:
        yield f"- {one_line(fault.key, 300)}: {one_line(fault.reason, 200)}. Next: {one_line(fault.remedy, 300)}"
    if len(faults) > _SHOWN:
        yield f"- and {len(faults) - _SHOWN:,} more: rlm-context store verify"


def _store(night: Nightly) -> Iterator[str]:
    stored, before, collected = night.stored, night.before, night.collected
    if stored:
        yield f"- {stored.objects:,} objects, {stored.bytes / 1e6:,.1f} MB"
    if verified := night.verified:
        yield f"- {verified.objects:,} objects read back, {len(verified.faults) or 'none'} damaged or missing"
    if stored and before:
        grown = stored.bytes - before.bytes
        yield f"- since the night before: {stored.objects - before.objects:+,} objects, {grown / 1e6:+,.1f} MB"
    if collected:
        yield (
            f"- garbage: {collected.removed:,} objects removed, {collected.bytes / 1e6:,.1f} MB; "
            f"{collected.noted:,} will go a day after they were found"
        )
    if night.runs_removed:
        yield f"- {night.runs_removed:,} records of old runs removed"
    yield f"- figures of all generations: `rlm-context report`, or `{REPORT_KEY}` in the store"
