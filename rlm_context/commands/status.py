"""`rlm-context status`: what is published, what waits, how the last runs went."""

import time
from collections.abc import Iterator
from pathlib import Path

import click
import msgspec

from compiler.citations import short_ids
from compiler.health import ProjectStatus, Status, status
from compiler.runs import RunRecord
from compiler.runtime import open_runtime
from data_models.records import Usage
from flows.configured import configured_api, without_password
from flows.local_server import live_server
from flows.up import is_up
from rlm_context.attention import concern_lines, concerns
from rlm_context.concern import Concern
from rlm_context.costs import amount, cost_line, dollars
from rlm_context.hooks.text import span
from rlm_context.hooks.trigger.record import Trigger
from rlm_context.output import plural, print_json, table
from rlm_context.shown import day, harmless, minute
from rlm_context.summary import generation_number
from rlm_context.triggers import pending_triggers, trigger_lines

_MOST_ROWS = 8


@click.command("status")
@click.option("--json", "as_json", is_flag=True, help="One JSON document on stdout.")
def status_command(as_json: bool) -> None:
    """Show where everything is and what waits.

    The newest generation of each project, and what models cost; where several people share the store, who
    uploaded what, and the last runs. Then, each with the command that goes on from there: uploads that wait,
    damage, runs that failed, crashed or did not begin, workers that are away, and a nightly that is late.
    """
    runtime = open_runtime(make_store=False)
    found, triggers = status(runtime), pending_triggers(runtime)
    todo = concerns(runtime, found)
    if as_json:
        print_json({**msgspec.structs.asdict(found), "triggers": triggers, "concerns": todo})
    else:
        click.echo(_told(found, triggers, todo))


def _told(found: Status, triggers: list[Trigger], todo: list[Concern]) -> str:
    lines = [f"Home: {found.home}", f"Store: {found.store}", f"Backend: {found.backend}"]
    if Path(found.worker_log).exists():
        waits = f"{plural(found.ended, 'session')} ended and wait for a worker; " if found.ended else ""
        lines.append(f"Hooks: {waits}what their workers did: {found.worker_log}")
    lines += _prefect(Path(found.home))
    if found.spool:
        kept = plural(found.spool, "upload")
        lines.append(f"Spool: {kept} kept here until a generation holds them. Next: rlm-context compile")
    if found.dead:
        dead = plural(found.dead, "upload")
        lines.append(f"Spool: {dead} could not be read back. Next: ls {found.home}/spool/dead")
    lines += trigger_lines(triggers)
    if found.projects:
        lines += ["", _listed(found), *_costs(found), *_team(found)]
    else:
        lines.append("Nothing is compiled yet. Next: rlm-context compile")
    remarks = [line for project in found.projects for line in (*_compiling(project), *_handed_over(project))]
    remarks += concern_lines(todo)
    return "\n".join([*lines, *(["", *remarks] if remarks else [])])


def _prefect(home: Path) -> Iterator[str]:
    """The server that compiles go to, where there is one to stay."""
    serves = is_up(home)
    if url := configured_api():
        here = "; rlm-context up serves its deployments here" if serves else ""
        yield f"Prefect: {without_password(url)}, which you configured{here}"
    elif serves and (server := live_server(home)) and server.schedules:
        yield f"Prefect: up at {server.url.removesuffix('/api')}, with the nightly"
    elif serves:
        yield "Prefect: rlm-context up is starting its server"


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


def _team(found: Status) -> Iterator[str]:
    """Who uploaded what, and how the last runs went: the newest of all projects, where several authors share them."""
    if len({author.author for project in found.projects for author in project.authors}) < 2:
        return
    yield from ("", _uploads(found))
    if any(project.runs for project in found.projects):
        yield from ("", _runs(found))


def _uploads(found: Status) -> str:
    newest = [
        (upload, author, project.project)
        for project in found.projects
        for author in project.authors
        for upload in author.newest
    ]
    newest.sort(key=lambda row: row[0].time, reverse=True)
    several = len(found.projects) > 1
    rows = [
        (
            minute(upload.time) or "undated",
            author.author,
            "waiting" if upload.waiting else "compiled",
            short_ids([upload.session_id])[upload.session_id],
            *((project,) if several else ()),
            upload.title or "-",
        )
        for upload, author, project in newest[:_MOST_ROWS]
    ]
    projects = ("project",) if several else ()
    return table(rows, ("session of (UTC)", "author", "state", "session", *projects, "title"))


def _runs(found: Status) -> str:
    runs = sorted((run for project in found.projects for run in project.runs), key=_began, reverse=True)
    rows = [
        (
            minute(run.started),
            run.state,
            _took(run),
            run.trigger,
            run.project,
        )
        for run in runs[:_MOST_ROWS]
    ]
    return table(rows, ("run of (UTC)", "state", "took", "trigger", "project"))


def _took(run: RunRecord) -> str:
    """How long a run took; of one under way, for how long it has been."""
    return f"running for {_for(run.seconds)}" if run.state == "running" else f"{run.seconds:.1f} s"


def _for(seconds: float) -> str:
    """A time that still grows, in words."""
    return span(seconds) if seconds >= 60 else f"{seconds:.0f} s"


def _began(run: RunRecord) -> int:
    return run.started


def _costs(found: Status) -> Iterator[str]:
    """What the dollars in the table are."""
    if not _paid(found):
        return
    total = sum((project.spent.total for project in found.projects), Usage())
    since = min(project.spent.since for project in found.projects if project.spent.since)
    yield f"Spent on models since {day(since)} (UTC): {cost_line(total)}"


def _paid(found: Status) -> bool:
    return any(project.spent.total.calls for project in found.projects)


def _compiling(project: ProjectStatus) -> Iterator[str]:
    """Who compiles it now."""
    if project.compiling:
        where = "this machine" if project.compiling.is_here else "another machine"
        since = project.compiling.since
        running = _for(max(time.time() - since / 1000, 0.0))
        yield f"{project.project}: being compiled on {where} since {minute(since)} UTC, for {running}"


def _handed_over(project: ProjectStatus) -> Iterator[str]:
    """The model calls that a provider has, until a compile finds them answered."""
    if not project.batches:
        return
    batches = project.batches
    sessions = plural(sum(one.sessions for one in batches), "session")
    calls = plural(sum(one.calls for one in batches), "model call")
    is_priced = all(one.usd for one in batches)
    cost = f"{dollars(sum(one.usd for one in batches))} at most" if is_priced else "at an unknown price"
    yield harmless(
        f"{project.project}: {sessions} wait for {calls} that a provider has in batches since "
        f"{minute(batches[0].since)} UTC ({cost}). Next: rlm-context compile, which takes what is answered"
    )
