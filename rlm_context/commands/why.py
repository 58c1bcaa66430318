"""`rlm-context why`: whether something stands in the brief, and if not, why."""

from typing import Any

import click

from compiler.citations import digits_of, render, short_ids
from compiler.health import uploads_kept
from compiler.local_copy import Copy
from compiler.runtime import open_runtime
from compiler.uploading.kept import NotShared, not_shared
from data_models.errors import NotFoundError
from data_models.knowledge import Line
from data_models.records import CatalogEntry
from rlm_context.output import plural, print_json
from rlm_context.places import copies, find_session
from rlm_context.shown import day, harmless
from search.words import stems

_VERDICTS = {
    "brief": "in the brief",
    "budget": "not in the brief: others weigh more, and its space is limited; it may stand in the full text",
    "superseded": "not in the brief: a later statement replaced it",
    "uncited": "dropped: no citation of it resolves",
}
_MOST_LINES = 12
_LEAST_SHARE = 0.5
"""Share of the words asked about that a line must hold to count as meant."""


@click.command("why")
@click.argument("what", metavar="SESSION|TEXT", nargs=-1, required=True)
@click.option("--project", metavar="P", help="A project, or the end of its name.")
@click.option("--json", "as_json", is_flag=True, help="One JSON document on stdout.")
def why_command(what: tuple[str, ...], project: str | None, as_json: bool) -> None:
    """Say why something is in the brief or not.

    SESSION is an id or a citation's digits; TEXT is a statement, or words of one.
    """
    runtime = open_runtime(make_store=False)
    text = " ".join(what).encode("utf-8", "replace").decode()  # it may hold bytes that are no text
    kept = not_shared(runtime, digits_of(text)) if " " not in text.strip() else None
    try:
        found = copies(runtime, project)
    except NotFoundError:
        if kept is None:
            raise
        found = []
    session = _session(found, text)
    if kept and not session:
        print_json(kept) if as_json else click.echo(harmless(_told_kept(kept)))
        return
    if session:
        answer = _about_session(*session)
    else:
        answer = {"text": text, "lines": [row for copy in found for row in _about_text(copy, text)]}
    answer["uploads_waiting"] = uploads_kept(runtime)
    print_json(answer) if as_json else click.echo(harmless(_told(answer)))


def _session(found: list[Copy], text: str) -> tuple[Copy, CatalogEntry] | None:
    if " " in text.strip():
        return None
    try:
        return find_session(found, text.strip())
    except NotFoundError:
        return None


def _told_kept(kept: NotShared) -> str:
    following = f" Next, to share it: {kept.next_command}" if kept.next_command else ""
    return f"{kept.session_id} is not shared, it is in the store on this machine: {kept.reason}.{following}"


def _about_session(copy: Copy, entry: CatalogEntry) -> dict[str, Any]:
    lines = [
        line for line in copy.root().lines if any(c.session_id == entry.session_id for c in line.citations)
    ]
    return {
        "session_id": entry.session_id,
        "title": entry.title,
        "author": entry.author,
        "lines": [_row(copy, line) for line in lines],
        "rejected_records": entry.rejects,
        "redactions": entry.redactions,
    }


def _about_text(copy: Copy, text: str) -> list[dict[str, Any]]:
    wanted = set(stems(text))
    if not wanted:
        return []
    scored = [(len(wanted & set(stems(line.text))) / len(wanted), line) for line in copy.root().lines]
    meant = sorted((pair for pair in scored if pair[0] >= _LEAST_SHARE), key=lambda pair: -pair[0])
    return [_row(copy, line) for _, line in meant[:_MOST_LINES]]


def _row(copy: Copy, line: Line) -> dict[str, Any]:
    short = short_ids(entry.session_id for entry in copy.sessions())
    return {
        "project": copy.project,
        "section": line.section,
        "day": day(line.time),
        "text": line.text,
        "citations": render(line.citations, short),
        "verdict": line.verdict,
        "superseded_by": render(line.superseded_by, short),
    }


def _told(answer: dict[str, Any]) -> str:
    lines = []
    if "session_id" in answer:
        lines.append(f"{answer['title'] or answer['session_id']} ({answer['author']})")
        if answer["rejected_records"]:
            unread = plural(len(answer["rejected_records"]), "record")
            lines.append(f"{unread} of it could not be read (why --json names them).")
        if answer["redactions"]:
            kinds = ", ".join(f"{count} {kind}" for kind, count in sorted(answer["redactions"].items()))
            lines.append(f"Redacted in it: {kinds}.")
    for row in answer["lines"]:
        reason = _VERDICTS[row["verdict"]]
        later = f" {row['superseded_by']}" if row["superseded_by"] else ""
        lines.append(f"- {row['text']} {row['citations']}\n  {row['section']}: {reason}{later}")
    if not answer["lines"]:
        lines.append(
            "No statement about it was considered for the brief; `rlm-context search` looks in everything."
        )
    if answer["uploads_waiting"]:
        waiting = plural(answer["uploads_waiting"], "upload")
        lines.append(f"{waiting} kept here until a compile holds them. Next: rlm-context compile")
    return "\n".join(lines)
