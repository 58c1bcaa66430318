"""The steps of a compile as Prefect tasks: names, retries and timeouts around `compiler.steps`."""

from collections.abc import Sequence
from functools import lru_cache, partial
from time import perf_counter
from typing import Any, ParamSpec, TypeVar

from prefect import Task, tags, task

from compiler.runtime import Runtime, open_runtime
from compiler.steps import DirectSteps
from compiler.work import Grown, Ingested, Made, Plan, Summarized, Texts, Unreadable
from data_models.events import Reject
from data_models.records import CatalogEntry, Segment, Usage
from data_models.settings import load_settings
from tasks.dask import DaskCluster
from tasks.insisting import insist
from tasks.logs import log_step
from tasks.options import MODELS_TAG, STEP
from tasks.watching import Watch, author_tags, authors_of

P = ParamSpec("P")
R = TypeVar("R")


@task(
    name="ingest",
    task_run_name="ingest {label}, {plan.project}",
    **STEP,
)
async def ingest(plan: Plan, receipts: Sequence[str], label: str) -> list[Ingested | Unreadable]:
    """A batch of receipts to events."""
    begun = perf_counter()
    done = await _steps().ingest(plan, receipts, label)
    sessions = [one for one in done if isinstance(one, Ingested)]
    log_step(
        begun,
        f"{_sessions(sessions)} read: {sum(one.events for one in sessions):,} events, "
        f"{sum(len(one.rejects) for one in sessions):,} records rejected, "
        f"{sum(sum(one.redactions.values()) for one in sessions):,} secrets replaced, "
        f"{len(done) - len(sessions):,} uploads damaged",
    )
    return done


@task(
    name="summarize",
    task_run_name="summarize {label}, {plan.project}",
    **STEP,
)
async def summarize(plan: Plan, sessions: Sequence[Ingested], label: str) -> list[Summarized]:
    """A batch of sessions to chunks and chunk summaries."""
    begun, steps = perf_counter(), _steps()
    try:
        done = await steps.summarize(plan, sessions, label)
    finally:
        if steps.runtime.settings.runner == "dask":  # a worker has an event loop for each task
            await steps.runtime.backend.close()
    chunks = sum(len(one.chunks) for one in done)
    new = sum(one.new_chunks for one in done)
    usage = sum((one.usage for one in done), Usage())
    log_step(begun, f"{_sessions(done)} in {chunks:,} chunks, {new:,} summarised now{_paid(usage)}")
    return done


@task(
    name="tree",
    task_run_name="digests and rollups, {plan.project}",
    **STEP,
)
async def grow(plan: Plan, new: Sequence[Summarized]) -> Grown:
    """Chunk summaries to digests and rollups."""
    begun = perf_counter()
    grown = await _steps().grow(plan, new)
    log_step(
        begun,
        f"{grown.digests_new:,} digests and {grown.rollups_new:,} rollups made, "
        f"{grown.rollups_total:,} rollups in all{_paid(grown.usage)}",
    )
    return grown


@task(
    name="index",
    task_run_name="index {label}, {plan.project}",
    **STEP,
)
async def index(plan: Plan, entries: Sequence[CatalogEntry], label: str) -> Segment:
    """A batch of sessions to one index segment."""
    begun = perf_counter()
    segment = await _steps().index(plan, entries, label)
    log_step(begun, f"{_sessions(entries)} in {segment.documents:,} documents, {segment.blob.size:,} bytes")
    return segment


@task(
    name="root",
    task_run_name="brief and full text, {plan.project}",
    **STEP,
)
async def write_texts(plan: Plan, new: Sequence[CatalogEntry], segments: Sequence[Segment]) -> Texts:
    """Rollups to brief and full text."""
    begun = perf_counter()
    texts = await _steps().write_texts(plan, new, segments)
    log_step(
        begun,
        f"brief of {texts.brief.size:,} bytes, full text of {texts.full.size:,}; lines left out: "
        f"{texts.uncited:,} without a citation that resolves, {texts.refused:,} refused{_paid(texts.usage)}",
    )
    return texts


@task(
    name="publish",
    task_run_name="publish generation {plan.number}, {plan.project}",
    **STEP,
)
async def publish(
    plan: Plan, new: Sequence[CatalogEntry], segments: Sequence[Segment], texts: Texts, made: Made
) -> str:
    """Everything to a generation; its key."""
    begun = perf_counter()
    key = await _steps().publish(plan, new, segments, texts, made)
    log_step(begun, f"generation {plan.number} of {plan.total:,} sessions: {key}")
    return key


def _sessions(found: Sequence[object]) -> str:
    return f"{len(found):,} session{'' if len(found) == 1 else 's'}"


def _paid(usage: Usage) -> str:
    """What was spent on models, "" for none."""
    if not usage.calls and not usage.cached:
        return ""
    return f"; {usage.calls:,} model calls, {usage.cached:,} answers from memo, ${usage.usd:.4f}"


class PrefectSteps:
    """The steps for `compile_project`, each run as a task of the current flow run.

    Tasks are awaited and not mapped: `.map` of async tasks costs ten times the client's time.

    Args:
        cluster: where batches are ingested and summarised; None for this process.

    Attributes:
        rejects: the records that could not be read in the sessions ingested so far.
        number: of the newest generation published, 0 before there is one.
        entries: the sessions that the published generations took in.
        drops: whether one of them let go of what was forgotten.
        watch: what the run shows while it is under way.
    """

    def __init__(self, cluster: DaskCluster | None = None) -> None:
        self._cluster = cluster
        self.rejects: list[Reject] = []
        self.number = 0
        self.entries: list[CatalogEntry] = []
        self.drops = False
        self.watch = Watch()

    async def ingest(self, plan: Plan, receipts: Sequence[str], label: str) -> list[Ingested | Unreadable]:
        """See `compiler.steps.Steps.ingest`."""
        await self.watch.begin(plan)
        with tags(*author_tags(authors_of(receipts))):
            ingested: list[Ingested | Unreadable] = await self._batch(
                ingest, plan=plan, receipts=receipts, label=label
            )
        self.rejects += [
            reject for session in ingested if isinstance(session, Ingested) for reject in session.rejects
        ]
        await self.watch.add(len(receipts))
        return ingested

    async def summarize(self, plan: Plan, sessions: Sequence[Ingested], label: str) -> list[Summarized]:
        """See `compiler.steps.Steps.summarize`."""
        step = _asking(summarize, plan)
        with tags(*author_tags(session.author for session in sessions)):
            done: list[Summarized] = await self._batch(step, plan=plan, sessions=sessions, label=label)
        await self.watch.add(len(sessions))
        return done

    async def grow(self, plan: Plan, new: Sequence[Summarized]) -> Grown:
        """See `compiler.steps.Steps.grow`."""
        await self.watch.mapped()
        with tags(*author_tags(session.ingested.author for session in new)):
            return await insist(lambda: _asking(grow, plan)(plan, new), may_repeat=plan.max_usd is None)

    async def index(self, plan: Plan, entries: Sequence[CatalogEntry], label: str) -> Segment:
        """See `compiler.steps.Steps.index`."""
        with tags(*author_tags(entry.author for entry in entries)):
            return await insist(lambda: index(plan, entries, label))

    async def write_texts(
        self, plan: Plan, new: Sequence[CatalogEntry], segments: Sequence[Segment]
    ) -> Texts:
        """See `compiler.steps.Steps.write_texts`."""
        with tags(*author_tags(entry.author for entry in new)):
            return await insist(
                lambda: _asking(write_texts, plan)(plan, new, segments), may_repeat=plan.max_usd is None
            )

    async def publish(
        self, plan: Plan, new: Sequence[CatalogEntry], segments: Sequence[Segment], texts: Texts, made: Made
    ) -> str:
        """See `compiler.steps.Steps.publish`."""
        with tags(*author_tags(entry.author for entry in new)):
            key = await insist(lambda: publish(plan, new, segments, texts, made))
        self.number, self.drops = plan.number, self.drops or plan.drops
        self.entries += new
        return key

    async def _batch(self, step: Task[..., Any], *, plan: Plan, **parameters: Any) -> Any:
        """The result of a task that may run elsewhere."""
        run = partial(self._cluster.run, step) if self._cluster else step
        return await insist(lambda: run(plan=plan, **parameters), may_repeat=plan.max_usd is None)


def _asking(step: Task[P, R], plan: Plan) -> Task[P, R]:
    """The step as one that asks models, where the backend does: under the server's limit for such tasks.

    With a limit on what is spent, a step that failed is not tried again: what it had spent is not known.
    """
    paid = process_runtime().backend.paid
    tagged = step.with_options(tags=[MODELS_TAG]) if paid else step
    return tagged if plan.max_usd is None else tagged.with_options(retries=0)


def process_runtime() -> Runtime:
    """The runtime of this process; opened again only when the settings are no longer the same."""
    return _opened(load_settings().model_dump_json())


def _steps() -> DirectSteps:
    """The steps as this process does them; a Dask worker does what it is given by itself."""
    runtime = process_runtime()
    if runtime.settings.runner != "modal":
        return DirectSteps(runtime)
    from tasks.modal import ModalSteps  # Modal's client takes a second to import

    return ModalSteps(runtime)


@lru_cache(maxsize=1)
def _opened(settings: str) -> Runtime:
    return open_runtime()
