"""`rlm-context sessions`: what there is."""

from typing import Any

import click

from compiler.citations import short_ids
from compiler.local_copy import Copy
from compiler.runtime import open_runtime
from data_models.records import CatalogEntry
from rlm_context.output import print_json, table
from rlm_context.places import copies
from rlm_context.shown import iso, minute


@click.command("sessions")
@click.option("--project", metavar="P", help="A project, or the end of its name.")
@click.option("--author", metavar="A", help="Only this author's.")
@click.option("--json", "as_json", is_flag=True, help="One JSON document on stdout.")
def sessions_command(project: str | None, author: str | None, as_json: bool) -> None:
    """List the sessions, newest last."""
    found = [
        (copy, entry)
        for copy in copies(open_runtime(make_store=False), project)
        for entry in copy.sessions()
        if author in (None, entry.author)
    ]
    found.sort(key=lambda pair: (pair[1].started, pair[1].session_id))
    if as_json:
        print_json({"sessions": [_described(copy, entry) for copy, entry in found]})
    else:
        click.echo(_listed(found))


def _listed(found: list[tuple[Copy, CatalogEntry]]) -> str:
    if not found:
        return "No such sessions."
    digits: dict[tuple[str, str], str] = {}
    for project in {copy.project for copy, _ in found}:
        # As citations show them: unique among all sessions of the project, not only those listed.
        whole = next(copy for copy, _ in found if copy.project == project).sessions()
        for session_id, shown in short_ids(entry.session_id for entry in whole).items():
            digits[project, session_id] = shown
    several = len({copy.project for copy, _ in found}) > 1
    rows = [
        (
            minute(entry.started),
            digits[copy.project, entry.session_id],
            entry.author,
            *((copy.project,) if several else ()),
            str(entry.prompts),
            entry.title or "(untitled)",
        )
        for copy, entry in found
    ]
    return table(
        rows, ("started (UTC)", "session", "author", *(("project",) if several else ()), "prompts", "title")
    )


def _described(copy: Copy, entry: CatalogEntry) -> dict[str, Any]:
    return {
        "session_id": entry.session_id,
        "project": copy.project,
        "author": entry.author,
        "agent": entry.agent,
        "title": entry.title,
        "branch": entry.branch,
        "started": iso(entry.started),
        "ended": iso(entry.ended),
        "events": entry.events,
        "prompts": entry.prompts,
        "chunks": len(entry.chunks),
        "rejects": len(entry.rejects),
        "redactions": entry.redactions,
    }
