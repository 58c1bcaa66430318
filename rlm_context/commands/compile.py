"""`rlm-context compile`: the main job."""

import os
from pathlib import Path
from time import perf_counter

import click

from compiler.local_copy import refresh
from compiler.outcome import describe
from compiler.plan import plan
from compiler.report import CompileReport, ProjectReport, summed
from compiler.runtime import Runtime, open_runtime
from compiler.upload import Uploaded, preview, upload
from data_models.errors import NotFoundError, RlmContextError, SourceError
from rlm_context.output import explain, print_json
from rlm_context.progress import progress_bar, steps_shown
from rlm_context.summary import print_dry_run, print_report
from store.receipts import projects
from transcripts.sources import default_sources


@click.command("compile")
@click.option("--source", "sources", multiple=True, type=click.Path(path_type=Path), metavar="DIR",
              help="Agents' sessions: a Claude config folder, a projects or Codex sessions folder, or a folder "
              "of such, one per author. Default: this machine's own.")  # fmt: skip
@click.option(
    "--project", metavar="P", help="With --source: the project of what is read. Alone: compile only P."
)
@click.option("--full", is_flag=True, help="Make everything anew from the uploads.")
@click.option("--dry-run", is_flag=True, help="Say what would be read and compiled; write nothing.")
@click.option("--max-usd", type=click.FloatRange(0), metavar="X", help="Most to spend on models in this run.")
@click.option("--json", "as_json", is_flag=True, help="One JSON document on stdout.")
def compile_command(
    sources: tuple[Path, ...],
    project: str | None,
    full: bool,
    dry_run: bool,
    max_usd: float | None,
    as_json: bool,
) -> int:
    """Read agents' sessions, compile them, and print the brief.

    Sessions are redacted before anything is stored. What was compiled before is not compiled again.
    """
    runtime = open_runtime()
    chosen = _sources(runtime, sources, project)
    if dry_run:
        print_dry_run(preview(runtime, chosen, project=project or ""), as_json)
        return 0
    begun = perf_counter()
    uploaded = _upload(runtime, chosen, project if sources else None)
    uploading = perf_counter() - begun
    names = _projects(runtime, uploaded, project)
    reports, errors = _compile(runtime, names, full, max_usd)
    runtime.spool.acknowledge(runtime.store)
    _add_upload_time(reports, uploading)
    generation = reports[0].generation if len(reports) == 1 else None
    result = CompileReport(
        generation=generation, projects=reports, totals=summed(reports), skipped=uploaded.skipped
    )
    print_json(result) if as_json else print_report(runtime, result, perf_counter() - begun)
    for error in errors:
        explain(error)
    return 1 if errors else 0


def _sources(runtime: Runtime, sources: tuple[Path, ...], project: str | None) -> list[Path]:
    """The folders to read. The agents' own are read only into the default store, which nobody else sees."""
    if sources:
        return list(sources)
    if runtime.settings.store and Path(runtime.settings.store) != runtime.home / "store":
        return []
    if project is not None and project in projects(runtime.store):
        return []
    found = default_sources()
    if not found and not projects(runtime.store):
        raise SourceError(
            "no agent sessions on this machine (looked in ~/.claude/projects and ~/.codex/sessions)",
            next_command="rlm-context compile --source DIR, or `make compile` for the examples",
        )
    return found


def _upload(runtime: Runtime, sources: list[Path], project: str | None) -> Uploaded:
    if not sources:
        runtime.spool.flush(runtime.store)
        return Uploaded()
    with progress_bar("reading sessions") as progress:
        return upload(runtime, sources, project=project or "", progress=progress)


def _projects(runtime: Runtime, uploaded: Uploaded, project: str | None) -> list[str]:
    """The projects to compile: those just read, and without --project all that have something new."""
    known = projects(runtime.store)
    if project is not None:
        names = [name for name in known if name == project or name in uploaded.projects]
        if not names:
            raise NotFoundError(f"the store holds no project {project}", next_command="rlm-context status")
        return names
    return known


def _compile(
    runtime: Runtime, names: list[str], full: bool, max_usd: float | None
) -> tuple[list[ProjectReport], list[RlmContextError]]:
    """Compile the projects that have something new, through Prefect; the others only report."""
    waiting = [name for name in names if full or plan(runtime, name).new]
    made, errors = _run_flows(runtime, waiting, full, max_usd) if waiting else ({}, [])
    reports = []
    for name in names:
        copy = refresh(runtime, name)
        if copy is not None:
            reports.append(describe(runtime, made.get(name, ProjectReport(project=name)), copy))
    return reports, errors


def _run_flows(
    runtime: Runtime, names: list[str], full: bool, max_usd: float | None
) -> tuple[dict[str, ProjectReport], list[RlmContextError]]:
    from flows.run import compile_projects  # imports Prefect, which nothing else here needs

    # Prefect's own lines are in its UI; a person wants one that changes.
    os.environ.setdefault("PREFECT_LOGGING_HANDLERS_CONSOLE_LEVEL", "ERROR")
    with steps_shown("compile"):
        results = compile_projects(runtime.home, names, full=full, max_usd=max_usd)
    made = {result.project: result for result in results if isinstance(result, ProjectReport)}
    return made, [result for result in results if isinstance(result, RlmContextError)]


def _add_upload_time(reports: list[ProjectReport], seconds: float) -> None:
    """Reading is done once for all projects; its time is shared out by their sessions."""
    sessions = sum(report.sessions.total for report in reports) or 1
    for report in reports:
        report.seconds.upload = seconds * report.sessions.total / sessions
        report.seconds.total += report.seconds.upload
