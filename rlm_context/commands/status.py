"""`rlm-context status`: what is published, what waits, how the last runs went."""

from collections.abc import Iterator
from pathlib import Path

import click

from compiler.health import ProjectStatus, Status, status
from compiler.runtime import open_runtime
from data_models.records import Usage
from rlm_context.costs import amount, cost_line
from rlm_context.names import mending
from rlm_context.output import plural, print_json, table
from rlm_context.shown import day, minute
from rlm_context.summary import generation_number

_ENDED = {"failed": "failed", "cancelled": "was stopped"}


@click.command("status")
@click.option("--json", "as_json", is_flag=True, help="One JSON document on stdout.")
def status_command(as_json: bool) -> None:
    """Show where everything is and what waits.

    The newest generation of each project, uploads that none holds yet, damage, how the last run ended, and
    what models cost.
    """
    found = status(open_runtime(make_store=False))
    print_json(found) if as_json else click.echo(_told(found))


def _told(found: Status) -> str:
    lines = [f"Home: {found.home}", f"Store: {found.store}", f"Backend: {found.backend}"]
    if Path(found.worker_log).exists():
        waits = f"{plural(found.ended, 'session')} ended and wait for a worker; " if found.ended else ""
        lines.append(f"Hooks: {waits}what their workers did: {found.worker_log}")
    if found.spool:
        kept = plural(found.spool, "upload")
        lines.append(f"Spool: {kept} kept here until a generation holds them. Next: rlm-context compile")
    if found.dead:
        dead = plural(found.dead, "upload")
        lines.append(f"Spool: {dead} could not be read back. Next: ls {found.home}/spool/dead")
    if not found.projects:
        return "\n".join([*lines, "Nothing is compiled yet. Next: rlm-context compile"])
    lines += ["", _listed(found), *_costs(found)]
    lines += [line for project in found.projects for line in _remarks(project)]
    return "\n".join(lines)


def _listed(found: Status) -> str:
    """The projects as a table, with what they cost where models were asked."""
    paid = _paid(found)
    rows = [
        (
            generation_number(project.generation),
            minute(project.created) or "-",
            f"{project.sessions:,}",
            str(project.waiting),
            *((amount(project.spent.last), amount(project.spent.total)) if paid else ()),
            project.project,
        )
        for project in found.projects
    ]
    costs = ("last run", "all runs") if paid else ()
    return table(rows, ("generation", "published (UTC)", "sessions", "waiting", *costs, "project"))


def _costs(found: Status) -> Iterator[str]:
    """What the dollars in the table are."""
    if not _paid(found):
        return
    total = sum((project.spent.total for project in found.projects), Usage())
    since = min(project.spent.since for project in found.projects if project.spent.since)
    yield f"Spent on models since {day(since)} (UTC): {cost_line(total)}"


def _paid(found: Status) -> bool:
    return any(project.spent.total.calls for project in found.projects)


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
