"""What a compile leaves to look at in Prefect: the brief, how models came to it, and tables of what was done.

Each has one key for each project, so Prefect keeps what every generation said under the same name. What a generation
let go of, since it was forgotten, goes from there too.
"""

from collections.abc import Sequence
from datetime import UTC, datetime

from prefect import get_client, task
from prefect.artifacts import acreate_markdown_artifact, acreate_table_artifact
from prefect.client.schemas.filters import (
    ArtifactFilter,
    ArtifactFilterKey,
    TaskRunFilter,
    TaskRunFilterTags,
)

from compiler.report import ProjectReport
from compiler.reporting.leave import REPORT_KEY
from compiler.runtime import Runtime
from data_models.events import Reject
from data_models.records import CatalogEntry, Manifest
from rlm.digest import to_markdown
from rlm.trajectory import parse_records
from store.blobs import get_blob
from store.generations import newest
from tasks.compile import process_runtime
from tasks.inert import inert, one_line
from tasks.links import artifact_key, artifact_link, run_link
from tasks.options import STEP
from tasks.tables import cost_rows, numbers_rows, session_rows

_KINDS = ("brief", "trajectory", "sessions", "cost", "numbers")


@task(name="artifacts", task_run_name="show generation {number}, {report.project}", **STEP)
async def show(
    number: int, report: ProjectReport, entries: Sequence[CatalogEntry], rejects: Sequence[Reject]
) -> None:
    """Make the artifacts of a compile.

    Args:
        number: the generation that it published.
        report: what it did.
        entries: the sessions that it worked on.
        rejects: the records that it could not read.
    """
    runtime, project = process_runtime(), report.project
    told_as = f"generation {number} of {project}"
    made = {
        "sessions": (f"Sessions that {told_as} took in", session_rows(entries)),
        "cost": (f"What models cost for {told_as}", cost_rows(report.llm, runtime.account().prices)),
        "numbers": (f"What the compile of {told_as} did", numbers_rows(report, rejects)),
    }
    tables = {kind: table for kind, table in made.items() if table[1]}
    for kind, (description, rows) in tables.items():
        await acreate_table_artifact(rows, key=artifact_key(kind, project), description=description)
    generation = newest(runtime.store, project)
    if generation is not None:
        await _show_texts(runtime, generation.manifest, list(tables))


@task(name="forget artifacts", task_run_name="forget what artifacts held, {project}", **STEP)
async def forget_artifacts(project: str) -> int:
    """Remove all artifacts that may hold words of a project, answers to questions too; how many they were."""
    keys = [artifact_key(kind, project) for kind in _KINDS]
    wanted = (
        {"artifact_filter": ArtifactFilter(key=ArtifactFilterKey(any_=keys))},
        {"task_run_filter": TaskRunFilter(tags=TaskRunFilterTags(all_=[project]))},
    )
    removed = 0
    async with get_client() as client:
        for filters in wanted:
            while found := await client.read_artifacts(**filters):
                for artifact in found:
                    await client.delete_artifact(artifact.id)
                removed += len(found)
    return removed


async def _show_texts(runtime: Runtime, manifest: Manifest, tables: Sequence[str]) -> None:
    project, number = manifest.project, manifest.number
    kinds = list(tables)
    if trajectory := manifest.texts.get("trajectory"):
        kinds.append("trajectory")
        await acreate_markdown_artifact(
            told(get_blob(runtime.store, trajectory).decode()),
            key=artifact_key("trajectory", project),
            description=f"How the root model came to the brief of generation {number} of {project}",
        )
    brief = get_blob(runtime.store, manifest.texts["brief"]).decode()
    await acreate_markdown_artifact(
        brief_markdown(manifest, brief, kinds),
        key=artifact_key("brief", project),
        description=f"The brief of {project}, generation {number}",
    )


def brief_markdown(manifest: Manifest, brief: str, kinds: Sequence[str]) -> str:
    """A brief under a head that says which generation it is and links to this run's other artifacts.

    Args:
        manifest: of its generation.
        brief: its text.
        kinds: the other artifacts there are.
    """
    published = datetime.fromtimestamp(manifest.created / 1000, UTC)
    links = [
        run_link(),
        *(artifact_link(kind, artifact_key(kind, manifest.project)) for kind in kinds),
    ]
    head = (
        f"**Generation {manifest.number}** of {one_line(manifest.project, 200)}, "
        f"published {published:%Y-%m-%d %H:%M} UTC. {' · '.join(links)}"
    )
    foot = (
        f"Earlier generations: {artifact_link('all versions of this page', artifact_key('brief', manifest.project))}. "
        f"Figures of all of them: `rlm-context report`, or `{REPORT_KEY}` in the store."
    )
    return f"{head}\n\n---\n\n{inert(brief)}\n\n---\n\n{foot}\n"


def told(trajectory: str) -> str:
    """The record of a recursive run (lines of JSON) as Markdown that shows no image and holds no HTML."""
    return to_markdown(parse_records(trajectory))
