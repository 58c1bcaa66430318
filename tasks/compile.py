"""The steps of a compile as Prefect tasks: names, retries and timeouts around `compiler.pipeline`."""

from collections.abc import Sequence
from functools import lru_cache
from typing import Any, ParamSpec, TypeVar

from prefect import Task, task

from compiler.pipeline import DirectSteps
from compiler.runtime import Runtime, open_runtime
from compiler.work import Grown, Ingested, Made, Plan, Summarized, Texts, Unreadable
from data_models.events import Reject
from data_models.records import CatalogEntry, Segment
from data_models.settings import load_settings
from tasks.dask import DaskCluster
from tasks.options import MODELS_TAG, STEP

P = ParamSpec("P")
R = TypeVar("R")


@task(
    name="ingest",
    task_run_name="ingest {label}, {plan.project}",
    **STEP,
)
async def ingest(plan: Plan, receipts: Sequence[str], label: str) -> list[Ingested | Unreadable]:
    """A batch of receipts to events."""
    return await _steps().ingest(plan, receipts, label)


@task(
    name="summarize",
    task_run_name="summarize {label}, {plan.project}",
    **STEP,
)
async def summarize(plan: Plan, sessions: Sequence[Ingested], label: str) -> list[Summarized]:
    """A batch of sessions to chunks and chunk summaries."""
    steps = _steps()
    try:
        return await steps.summarize(plan, sessions, label)
    finally:
        if steps.runtime.settings.runner == "dask":  # a worker has an event loop for each task
            await steps.runtime.backend.close()


@task(
    name="tree",
    task_run_name="digests and rollups, {plan.project}",
    **STEP,
)
async def grow(plan: Plan, new: Sequence[Summarized]) -> Grown:
    """Chunk summaries to digests and rollups."""
    return await _steps().grow(plan, new)


@task(
    name="index",
    task_run_name="index {label}, {plan.project}",
    **STEP,
)
async def index(plan: Plan, entries: Sequence[CatalogEntry], label: str) -> Segment:
    """A batch of sessions to one index segment."""
    return await _steps().index(plan, entries, label)


@task(
    name="root",
    task_run_name="brief and full text, {plan.project}",
    **STEP,
)
async def write_texts(plan: Plan, new: Sequence[CatalogEntry], segments: Sequence[Segment]) -> Texts:
    """Rollups to brief and full text."""
    return await _steps().write_texts(plan, new, segments)


@task(
    name="publish",
    task_run_name="publish generation {plan.number}, {plan.project}",
    **STEP,
)
async def publish(
    plan: Plan, new: Sequence[CatalogEntry], segments: Sequence[Segment], texts: Texts, made: Made
) -> str:
    """Everything to a generation; its key."""
    return await _steps().publish(plan, new, segments, texts, made)


class PrefectSteps:
    """The steps for `compile_project`, each run as a task of the current flow run.

    Tasks are awaited and not mapped: `.map` of async tasks costs ten times the client's time.

    Args:
        cluster: where batches are ingested and summarised; None for this process.

    Attributes:
        rejects: the records that could not be read in the sessions ingested so far.
    """

    def __init__(self, cluster: DaskCluster | None = None) -> None:
        self._cluster = cluster
        self.rejects: list[Reject] = []

    async def ingest(self, plan: Plan, receipts: Sequence[str], label: str) -> list[Ingested | Unreadable]:
        """See `compiler.pipeline.Steps.ingest`."""
        ingested: list[Ingested | Unreadable] = await self._batch(
            ingest, plan=plan, receipts=receipts, label=label
        )
        self.rejects += [
            reject for session in ingested if isinstance(session, Ingested) for reject in session.rejects
        ]
        return ingested

    async def summarize(self, plan: Plan, sessions: Sequence[Ingested], label: str) -> list[Summarized]:
        """See `compiler.pipeline.Steps.summarize`."""
        step = _asking(summarize, plan)
        done: list[Summarized] = await self._batch(step, plan=plan, sessions=sessions, label=label)
        return done

    async def grow(self, plan: Plan, new: Sequence[Summarized]) -> Grown:
        """See `compiler.pipeline.Steps.grow`."""
        return await _asking(grow, plan)(plan, new)

    async def index(self, plan: Plan, entries: Sequence[CatalogEntry], label: str) -> Segment:
        """See `compiler.pipeline.Steps.index`."""
        return await index(plan, entries, label)

    async def write_texts(
        self, plan: Plan, new: Sequence[CatalogEntry], segments: Sequence[Segment]
    ) -> Texts:
        """See `compiler.pipeline.Steps.write_texts`."""
        return await _asking(write_texts, plan)(plan, new, segments)

    async def publish(
        self, plan: Plan, new: Sequence[CatalogEntry], segments: Sequence[Segment], texts: Texts, made: Made
    ) -> str:
        """See `compiler.pipeline.Steps.publish`."""
        return await publish(plan, new, segments, texts, made)

    async def _batch(self, step: Task[..., Any], **parameters: Any) -> Any:
        """The result of a task that may run elsewhere."""
        return await (self._cluster.run(step, **parameters) if self._cluster else step(**parameters))


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
