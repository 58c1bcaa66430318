"""`rlm-context status`: what is published, what waits, how the last runs went."""

import click

from compiler.health import ProjectStatus, Status, status
from compiler.runtime import open_runtime
from rlm_context.output import minute, print_json, table


@click.command("status")
@click.option("--json", "as_json", is_flag=True, help="One JSON document on stdout.")
def status_command(as_json: bool) -> None:
    """Where everything is, which generation each project is at, and what waits."""
    found = status(open_runtime())
    print_json(found) if as_json else click.echo(_told(found))


def _told(found: Status) -> str:
    lines = [f"Home: {found.home}", f"Store: {found.store}", f"Backend: {found.backend}"]
    if found.spool:
        lines.append(
            f"Spool: {found.spool} upload(s) kept here until a generation holds them: rlm-context compile"
        )
    if found.dead:
        lines.append(f"Spool: {found.dead} upload(s) could not be read back; see {found.home}/spool/dead")
    if not found.projects:
        return "\n".join([*lines, "Nothing is compiled yet: rlm-context compile"])
    rows = [
        (
            project.project,
            project.generation or "-",
            minute(project.created) or "-",
            str(project.sessions),
            str(project.waiting),
            _last_run(project),
        )
        for project in found.projects
    ]
    header = ("project", "generation", "published (UTC)", "sessions", "waiting", "last run")
    lines += ["", table(rows, header)]
    for project in found.projects:
        lines += [
            f"damaged: {key}: rlm-context compile --project {project.project} --full"
            for key in project.damaged
        ]
        if project.waiting:
            lines.append(
                f"{project.project}: {project.waiting} upload(s) wait, the oldest of "
                f"{minute(project.oldest_waiting_ms)}: rlm-context compile"
            )
    return "\n".join(lines)


def _last_run(project: ProjectStatus) -> str:
    if not project.runs:
        return "-"
    run = project.runs[0]
    return f"{minute(run.started)} {run.state}" + (f": {run.error}" if run.error else "")
