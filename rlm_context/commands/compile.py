"""`rlm-context compile`: the main job."""

import os
from collections.abc import Sequence
from pathlib import Path
from time import perf_counter

import click

from compiler.costs import check_limit
from compiler.local_copy import refresh
from compiler.outcome import describe
from compiler.plan import plan
from compiler.report import CompileReport, ProjectReport, summed
from compiler.runtime import Runtime, open_runtime
from compiler.uploading.sharing import local_store_url
from compiler.uploading.upload import upload
from compiler.uploading.uploaded import Uploaded
from data_models.errors import NotFoundError, PipelineError, RlmContextError, SourceError
from rlm.prices import PRICES_DATE
from rlm_context.dry_run import foresee, print_dry_run
from rlm_context.failures import explain, say
from rlm_context.names import match_project
from rlm_context.output import print_json
from rlm_context.progress import reading_shown, steps_shown
from rlm_context.summary import print_report
from rlm_context.uploaded import adopted_lines, kept_lines
from store.receipts import projects
from transcripts.sources import default_sources


@click.command("compile")
@click.option("--source", "sources", multiple=True, type=click.Path(path_type=Path), metavar="DIR",
              help="Agents' sessions: a Claude config folder, a projects or Codex sessions folder, a "
              ".gemini folder, or a folder of such, one per author. Default: this machine's own.")  # fmt: skip
@click.option("--project", metavar="P",
              help="With --source: the project of what is read. Alone: compile only P.")  # fmt: skip
@click.option("--full", is_flag=True, help="Read and make everything anew; mends what is damaged.")
@click.option(
    "--dry-run", is_flag=True, help="Say what would be read, and sent to models; write and send nothing."
)
@click.option("--max-usd", type=click.FloatRange(0), metavar="X",
              help="Most to spend on models in this run, in US dollars. What that does not pay for is done without "
              "a model.")  # fmt: skip
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

    Sessions are redacted before anything is stored. What was compiled before is not compiled again. Models
    are asked with the setting backend = "model" only; an answer that was paid is never paid again.
    """
    begun = perf_counter()
    runtime = open_runtime(make_store=not dry_run)
    for line in adopted_lines(runtime):
        say(f"rlm-context: {line}")
    check_limit(runtime, max_usd)
    folders = sources or _own_sources(runtime)
    given = (project or "") if sources else ""
    if dry_run:
        print_dry_run(foresee(runtime, folders, given=given, only=project, full=full), as_json)
        return 0
    uploaded = _upload(runtime, folders, given, again=full)
    uploading = perf_counter() - begun
    reports, failed = _compile(runtime, _wanted(runtime, project), full, max_usd)
    runtime.spool.acknowledge(runtime.store)
    _add_upload_time(reports, uploading)
    result = _document(reports, uploaded)
    print_json(result) if as_json else print_report(runtime, result, perf_counter() - begun)
    _say_degraded(reports)
    for name, error in failed:
        explain(error, about=name)
    return 1 if failed else 0


def _document(reports: list[ProjectReport], uploaded: Uploaded) -> CompileReport:
    return CompileReport(
        generation=reports[0].generation if len(reports) == 1 else None,
        projects=reports,
        totals=summed(reports),
        prices_date=PRICES_DATE,
        skipped=uploaded.skipped,
    )


def _say_degraded(reports: Sequence[ProjectReport]) -> None:
    for report in reports:
        for reason in report.degraded:
            say(f"rlm-context: {report.project} is degraded: {reason}")
        if report.next_command:
            say(f"rlm-context: {report.project}: what was paid is kept. Next: {report.next_command}")


def _own_sources(runtime: Runtime) -> Sequence[Path]:
    """The agents' own folders. They are read only into the default store; `sync` fills others."""
    if not _is_default(runtime):
        return []
    found = default_sources()
    if not found and not projects(runtime.store):
        raise SourceError(
            "no agent sessions on this machine (looked in ~/.claude/projects, ~/.codex/sessions and ~/.gemini/tmp)",
            next_command="rlm-context compile --source DIR, or `make compile` for the examples",
        )
    return found


def _upload(runtime: Runtime, folders: Sequence[Path], project: str, *, again: bool) -> Uploaded:
    if not folders:
        runtime.spool.flush(runtime.store)
        return Uploaded()
    with reading_shown() as progress:
        result = upload(
            runtime,
            folders,
            project=project,
            again=again,
            # On this machine `session` shows the same; elsewhere people look with other tools.
            readable_copies=not _is_default(runtime),
            progress=progress,
        )
    for line in kept_lines(result.kept):
        say(f"rlm-context: {line}")
    return result


def _is_default(runtime: Runtime) -> bool:
    """Whether the store is the default one, on this machine, which nobody else sees."""
    return runtime.store.url == local_store_url(runtime.home)


def _wanted(runtime: Runtime, project: str | None) -> list[str]:
    """The projects to compile: the one named, else all.

    Raises:
        NotFoundError: the store holds none, or none of that name.
    """
    known = projects(runtime.store)
    if not known:
        raise NotFoundError(
            "nothing was uploaded to this store yet", next_command="rlm-context compile --source DIR"
        )
    return [match_project(project, known)] if project else known


def _compile(
    runtime: Runtime, names: list[str], full: bool, max_usd: float | None
) -> tuple[list[ProjectReport], list[tuple[str, RlmContextError]]]:
    """Compile the projects that have something new, through Prefect; the others only report."""
    waiting = [name for name in names if full or plan(runtime, name).has_work]
    results = dict(zip(waiting, _run_flows(runtime, waiting, full, max_usd), strict=True))
    reports = []
    failed = [(name, error) for name, error in results.items() if isinstance(error, RlmContextError)]
    for name in names:
        made = results.get(name, ProjectReport(project=name))
        try:
            copy = refresh(runtime, name)
        except RlmContextError as error:
            failed.append((name, error))
            continue
        report = made if isinstance(made, ProjectReport) else ProjectReport(project=name)
        if copy is not None:
            reports.append(describe(runtime, report, copy))
        elif report.degraded:
            failed.append((name, _nothing_readable(report)))
    return reports, failed


def _nothing_readable(report: ProjectReport) -> PipelineError:
    return PipelineError(
        f"no upload of it can be read: {report.degraded[0]}", next_command="rlm-context doctor"
    )


def _run_flows(
    runtime: Runtime, names: list[str], full: bool, max_usd: float | None
) -> list[ProjectReport | RlmContextError]:
    if not names:
        return []
    # What Prefect logs is in its UI and comes back as an error; a person wants one line that changes.
    os.environ.setdefault("PREFECT_LOGGING_HANDLERS_CONSOLE_LEVEL", "CRITICAL")
    from flows import run  # imports Prefect when it runs, which nothing else here needs

    with steps_shown(len(names)) as begins:
        return run.compile_projects(runtime.home, names, full=full, max_usd=max_usd, begins=begins)


def _add_upload_time(reports: list[ProjectReport], seconds: float) -> None:
    """Reading is done once for all projects; its time is shared out by their sessions."""
    sessions = sum(report.sessions.total for report in reports) or 1
    for report in reports:
        report.seconds.upload = seconds * report.sessions.total / sessions
        report.seconds.total += report.seconds.upload
