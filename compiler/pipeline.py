"""The compile of one project: which step follows which. Prefect, or nothing at all, runs them (`compiler.steps`)."""

import asyncio
import logging
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Sequence
from contextlib import asynccontextmanager, contextmanager
from time import perf_counter
from typing import TypeVar

import msgspec

from compiler import index
from compiler.base import earlier_ingest, load_base
from compiler.costs import check_limit
from compiler.models.batches.settle import Settled, settle
from compiler.plan import plan as make_plan
from compiler.report import Count, ProjectReport
from compiler.runtime import Runtime
from compiler.steps import Steps
from compiler.together import together
from compiler.turn import turn
from compiler.work import Grown, Ingested, Made, Plan, Summarized, Texts, Unreadable
from data_models.records import CatalogEntry, Segment, Usage

progress = logging.getLogger("rlm_context.progress")
"""Says at INFO which step begins, for whoever watches; it never holds content."""

T = TypeVar("T")
R = TypeVar("R")

_SAID = {
    "tree": "digests and rollups",
    "index": "search index",
    "root": "brief and full text",
    "publish": "publish",
}
"""What a watching person is told of the steps that run once; the others say which sessions they are at."""

_LEAST_BATCH = 10
_BATCHES_AT_ONCE = 10
"""Batches that go side by side where models are waited for, or where other processes do the work. Those of one process
share the places of `Runtime.sessions_open`, so that while one ends, sessions of the others wait already for the places
it leaves."""
_MOST_BATCHES = 60
"""Sessions are handed to a step in at most so many batches, so that a run has few steps at any size."""


async def compile_project(
    runtime: Runtime, project: str, steps: Steps, *, full: bool = False, max_usd: float | None = None
) -> ProjectReport:
    """Compile one project until its inbox holds nothing new.

    Args:
        runtime: for looking at the store between the steps.
        project: the project.
        steps: how to run the steps.
        full: make everything anew from the uploads.
        max_usd: the most to spend on model calls, in US dollars; None for no limit. What it does not pay for is
            done without a model, and the report says so.

    Returns:
        What was done: counts of new things and seconds. Where nothing was new, no step ran.

    Raises:
        SettingsError: the limit could not be kept, since a model's price is not known.
    """
    check_limit(runtime, max_usd)
    report = ProjectReport(project=project)
    async with turn(runtime, project), _backend(runtime):
        written = runtime.store.written
        todo = await asyncio.to_thread(make_plan, runtime, project, full=full, max_usd=max_usd)
        settled = await settle(runtime, todo)
        report.degraded += settled.told
        todo = await asyncio.to_thread(settled.leave, runtime, todo)
        left_out: set[str] = set()
        while todo.drops or not left_out.issuperset(todo.new):
            left_out |= await _compile_once(runtime, todo, steps, report, settled)
            # What was uploaded meanwhile would otherwise wait for the next trigger.
            left = None if max_usd is None else max(max_usd - report.spent_now, 0.0)
            todo = await asyncio.to_thread(make_plan, runtime, project, max_usd=left)
            todo = await asyncio.to_thread(settled.leave, runtime, todo)
        report.count_batched(settled.rest())
        await asyncio.to_thread(settled.close, runtime)
        report.bytes_written = runtime.store.written - written
    return report


@asynccontextmanager
async def _backend(runtime: Runtime) -> AsyncIterator[None]:
    """Let go of the backend's connections at the end: they belong to this event loop."""
    try:
        yield
    finally:
        await runtime.backend.close()


async def _compile_once(
    runtime: Runtime, todo: Plan, steps: Steps, report: ProjectReport, settled: Settled
) -> set[str]:
    """Make one generation; the receipts that had to be left out. If all had to be, nothing is published, except to
    let go of what was forgotten."""
    clock = _Clock(report)
    with clock.step("ingest"):
        # A provider's package takes a second to import, and a missing key is better said before the map than in it.
        preparing = asyncio.ensure_future(asyncio.to_thread(runtime.backend.prepare))
        try:
            results = await _in_batches(
                "ingest",
                todo.new,
                lambda part, label: steps.ingest(todo, part, label),
                _BATCHES_AT_ONCE if _goes_out(runtime) else 1,
            )
        finally:
            await preparing
        ingested, left_out = _readable(runtime, todo, results, report)
    if not ingested and not todo.drops:
        return left_out
    with clock.step("summarize"):
        summarized = await _summarize(runtime, todo, ingested, steps)
    chunking = min(sum(session.seconds_chunk for session in summarized), report.seconds.summarize)
    report.seconds.chunk += chunking
    report.seconds.summarize -= chunking
    spent = sum((session.usage for session in summarized), Usage())
    summarized, batched = settled.share(summarized)
    report.count_batched(batched)
    with clock.step("tree"):
        grown = await steps.grow(_after(todo, spent), summarized)
    with clock.step("index"):
        entries, segments = await _index(runtime, todo, grown.entries, steps)
    with clock.step("root"):
        made = await steps.write_texts(_after(todo, spent + grown.usage), entries, segments)
    spent += grown.usage + made.usage + batched
    with clock.step("publish"):
        await steps.publish(todo, entries, segments, made, Made(grown.rollups_total, spent, grown.degraded))
    _count(report, summarized, grown, made)
    return left_out


def _after(todo: Plan, spent: Usage) -> Plan:
    """The plan with what is left to spend."""
    if todo.max_usd is None:
        return todo
    return msgspec.structs.replace(todo, max_usd=max(todo.max_usd - spent.usd, 0.0))


async def _summarize(
    runtime: Runtime, todo: Plan, ingested: Sequence[Ingested], steps: Steps
) -> list[Summarized]:
    """The map, in batches. Where models or other processes are waited for, some batches go side by side, so that none
    waits for the slowest call of another; but one after the other where each must know what the ones before have
    spent."""
    spent = Usage()

    async def step(part: Sequence[Ingested], label: str) -> list[Summarized]:
        nonlocal spent
        done = await steps.summarize(_after(todo, spent), part, label)
        spent = sum((session.usage for session in done), spent)
        return done

    side_by_side = (runtime.backend.paid or _goes_out(runtime)) and todo.max_usd is None
    at_once = _BATCHES_AT_ONCE if side_by_side else 1
    return await _in_batches("summarize", ingested, step, at_once)


def _goes_out(runtime: Runtime) -> bool:
    """Whether other processes ingest and summarise."""
    return runtime.settings.runner != "local"


def _readable(
    runtime: Runtime, todo: Plan, results: Sequence[Ingested | Unreadable], report: ProjectReport
) -> tuple[list[Ingested], set[str]]:
    """The sessions to go on with, and the receipts left out.

    Where an upload is damaged but an earlier generation read it, its events are still there and are used again.
    """
    ingested = [result for result in results if isinstance(result, Ingested)]
    left_out = set()
    for result in results:
        if isinstance(result, Unreadable):
            earlier = earlier_ingest(runtime, todo, result.receipt)
            kept = "its events of an earlier generation are used" if earlier else "left out"
            report.degraded.append(f"{result.reason}; {kept}")
            ingested += [earlier] if earlier else []
            left_out |= {result.receipt} - {one.receipt for one in ingested}
    return ingested, left_out


async def _index(
    runtime: Runtime, todo: Plan, entries: Sequence[CatalogEntry], steps: Steps
) -> tuple[list[CatalogEntry], list[Segment]]:
    """Index what is new; all entries that the new catalog part holds, and all segments of the generation."""
    base = await asyncio.to_thread(load_base, runtime, todo)
    new = index.indexed_in(entries, todo.number)
    owners = ((entry.author, entry.session_id) for entry in new)
    replaced = [base.entries[owner] for owner in owners if owner in base.entries]
    kept = index.with_stale(base.segments, replaced)
    made = [
        await steps.index(todo, new[at : at + index.BATCH], _label(at, index.BATCH, len(new)))
        for at in range(0, len(new), index.BATCH)
    ]
    return new, await asyncio.to_thread(index.join_small, runtime, [*kept, *made])


async def _in_batches(
    name: str, items: Sequence[T], step: Callable[[Sequence[T], str], Awaitable[list[R]]], at_once: int = 1
) -> list[R]:
    size = max(_LEAST_BATCH, -(-len(items) // _MOST_BATCHES))
    slots = asyncio.Semaphore(at_once)

    async def one(at: int) -> list[R]:
        async with slots:
            label = _label(at, size, len(items))
            progress.info("%s %s", name, label)
            return await step(items[at : at + size], label)

    batches = await together(one(at) for at in range(0, len(items), size))
    return [result for batch in batches for result in batch]


def _label(at: int, size: int, total: int) -> str:
    return f"sessions {at + 1}-{min(at + size, total)} of {total}"


class _Clock:
    """Adds the wall time of steps to a report."""

    def __init__(self, report: ProjectReport) -> None:
        self._seconds = report.seconds

    @contextmanager
    def step(self, name: str) -> Iterator[None]:
        """Time the block as the step `name`."""
        begun = perf_counter()
        if name in _SAID:
            progress.info(_SAID[name])
        try:
            yield
        finally:
            spent = perf_counter() - begun
            setattr(self._seconds, name, getattr(self._seconds, name) + spent)
            self._seconds.total += spent


def _count(report: ProjectReport, summarized: Sequence[Summarized], grown: Grown, made: Texts) -> None:
    report.sessions.new += len(summarized)
    report.chunks.new += sum(session.new_chunks for session in summarized)
    report.nodes.digest.new += grown.digests_new
    report.nodes.rollup = Count(grown.rollups_total, report.nodes.rollup.new + grown.rollups_new)
    report.uncited += sum(session.uncited for session in summarized) + made.uncited
    report.refused += sum(session.refused for session in summarized) + grown.refused + made.refused
    report.llm += sum((session.usage for session in summarized), grown.usage + made.usage)
