"""What a run leaves to look at in Prefect: the brief, how models came to it, and a table of what was done."""

import hashlib
import re
from collections.abc import Iterable

import msgspec
from prefect import task
from prefect.artifacts import acreate_markdown_artifact, acreate_table_artifact

from compiler.report import ProjectReport
from data_models.events import Reject
from rlm.digest import to_markdown
from rlm.prices import PRICES_DATE
from rlm.trajectory import parse_records
from store.blobs import get_blob
from store.generations import newest
from tasks.compile import process_runtime
from tasks.inert import inert
from tasks.options import STEP

_SHOWN_REJECTS = 100


@task(name="artifacts", task_run_name="show brief and numbers, {report.project}", **STEP)
async def show(report: ProjectReport, rejects: Iterable[Reject]) -> None:
    """Make the artifacts of a compile: the newest brief, how models came to it, and numbers and rejects as a table."""
    runtime = process_runtime()
    generation = newest(runtime.store, report.project)
    if generation is not None:
        text = get_blob(runtime.store, generation.manifest.texts["brief"]).decode()
        await acreate_markdown_artifact(
            inert(text),
            key=artifact_key("brief", report.project),
            description=f"The brief of {report.project}",
        )
        if trajectory := generation.manifest.texts.get("trajectory"):
            await acreate_markdown_artifact(
                told(get_blob(runtime.store, trajectory).decode()),
                key=artifact_key("trajectory", report.project),
                description=f"How the root model came to the brief of {report.project}",
            )
    await acreate_table_artifact(
        table_rows(report, list(rejects)),
        key=artifact_key("compile", report.project),
        description=f"What the compile of {report.project} did",
    )


def artifact_key(kind: str, project: str) -> str:
    """A key as Prefect wants it (lower-case letters, digits, dashes), another one for every project."""
    readable = re.sub(r"[^a-z0-9]+", "-", project.lower()).strip("-")[-60:].strip("-")
    digest = hashlib.sha256(project.encode("utf-8", "surrogatepass")).hexdigest()[:8]
    return "-".join(filter(None, (kind, readable, digest)))


def told(trajectory: str) -> str:
    """The record of a recursive run (lines of JSON) as Markdown that shows no image and holds no HTML."""
    return to_markdown(parse_records(trajectory))


def table_rows(report: ProjectReport, rejects: list[Reject]) -> list[dict[str, str | int | float]]:
    """The rows of the table: counts, then seconds by step, then the first rejects."""
    counts = {
        "new sessions": report.sessions.new,
        "new chunks": report.chunks.new,
        "new digests": report.nodes.digest.new,
        "new rollups": report.nodes.rollup.new,
        "rejected records": len(rejects),
    }
    rows: list[dict[str, str | int | float]] = [
        {"what": name, "value": count} for name, count in counts.items()
    ]
    if report.llm.calls:
        rows.append({"what": "model calls", "value": report.llm.calls})
        rows.append({"what": f"US dollars, prices of {PRICES_DATE}", "value": round(report.llm.usd, 4)})
    for step, seconds in msgspec.structs.asdict(report.seconds).items():
        rows.append({"what": f"seconds, {step}", "value": round(seconds, 2)})
    for reject in rejects[:_SHOWN_REJECTS]:
        rows.append({"what": f"reject, {reject.file}:{reject.line}", "value": reject.reason})
    return rows
