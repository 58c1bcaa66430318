"""`rlm-context status`: what is published, what waits, how the last runs went."""

from collections.abc import Iterator

import click

from compiler.health import ProjectStatus, Status, status
from compiler.runtime import open_runtime
from rlm_context.names import mending
from rlm_context.output import plural, print_json, table
from rlm_context.shown import minute
from rlm_context.summary import generation_number

_ENDED = {"failed": "failed", "cancelled": "was stopped"}


@click.command("status")
@click.option("--json", "as_json", is_flag=True, help="One JSON document on stdout.")
def status_command(as_json: bool) -> None:
    """Show where everything is and what waits.

    The newest generation of each project, uploads that none holds yet, damage, and how the last run ended.
    """
    found = status(open_runtime(make_store=False))
    print_json(found) if as_json else click.echo(_told(found))


def _told(found: Status) -> str:
    lines = [f"Home: {found.home}", f"Store: {found.store}", f"Backend: {found.backend}"]
    if found.spool:
        kept = plural(found.spool, "upload")
        lines.append(f"Spool: {kept} kept here until a generation holds them. Next: rlm-context compile")
    if found.dead:
        dead = plural(found.dead, "upload")
        lines.append(f"Spool: {dead} could not be read back. Next: ls {found.home}/spool/dead")
    if not found.projects:
        return "\n".join([*lines, "Nothing is compiled yet. Next: rlm-context compile"])
    rows = [
        (
            generation_number(project.generation),
            minute(project.created) or "-",
            f"{project.sessions:,}",
            str(project.waiting),
            project.project,
        )
        for project in found.projects
    ]
    lines += ["", table(rows, ("generation", "published (UTC)", "sessions", "waiting", "project"))]
    lines += [line for project in found.projects for line in _remarks(project)]
    return "\n".join(lines)


def _remarks(project: ProjectStatus) -> Iterator[str]:
    """What needs attention: damage, uploads that wait, a last run that failed."""
    for key in project.damaged:
        yield f"{project.project}: damaged: {key}. Next: {mending(project.project)}"
    if project.waiting:
        oldest = minute(project.oldest_waiting_ms)
        since = f", the oldest from {oldest} UTC" if oldest else ""
        yield f"{project.project}: {plural(project.waiting, 'upload')} waiting{since}. Next: rlm-context compile"
    run = next(iter(project.runs), None)
    if run and run.state != "completed":
        reason = f": {run.error}" if run.state == "failed" and run.error else ""
        yield f"{project.project}: the last run ({minute(run.started)} UTC) {_ENDED.get(run.state, run.state)}{reason}"
