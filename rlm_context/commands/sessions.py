"""`rlm-context sessions`: what there is."""

from typing import Any

import click
import msgspec

from compiler.citations import short_ids
from compiler.costs import at_prices
from compiler.local_copy import Copy
from compiler.runtime import open_runtime
from data_models.records import CatalogEntry
from rlm.prices import PRICES_DATE
from rlm_context.costs import PRICES, amount
from rlm_context.output import print_json, table
from rlm_context.places import copies
from rlm_context.shown import iso, minute


@click.command("sessions")
@click.option("--project", metavar="P", help="A project, or the end of its name.")
@click.option("--author", metavar="A", help="Only this author's.")
@click.option("--json", "as_json", is_flag=True, help="One JSON document on stdout.")
def sessions_command(project: str | None, author: str | None, as_json: bool) -> None:
    """List the sessions, newest last."""
    runtime = open_runtime(make_store=False)
    prices = runtime.account().prices
    found = [
        (copy, msgspec.structs.replace(entry, usage=at_prices(entry.usage, prices)))
        for copy in copies(runtime, project)
        for entry in copy.sessions()
        if author in (None, entry.author)
    ]
    found.sort(key=lambda pair: (pair[1].started, pair[1].session_id))
    if as_json:
        described = [_described(copy, entry) for copy, entry in found]
        print_json({"sessions": described, "prices_date": PRICES_DATE})
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
    paid = any(entry.usage.calls for _, entry in found)
    rows = [
        (
            minute(entry.started),
            digits[copy.project, entry.session_id],
            entry.author,
            *((copy.project,) if several else ()),
            str(entry.prompts),
            *((amount(entry.usage),) if paid else ()),
            entry.title or "(untitled)",
        )
        for copy, entry in found
    ]
    middle = (*(("project",) if several else ()), "prompts", *(("cost",) if paid else ()))
    listed = table(rows, ("started (UTC)", "session", "author", *middle, "title"))
    return f"{listed}\n\nCosts of summaries and digests: {PRICES}." if paid else listed


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
        "usd": entry.usage.usd,
        "unpriced": entry.usage.unpriced,
    }
