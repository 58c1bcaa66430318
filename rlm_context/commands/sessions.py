"""`rlm-context sessions` and `rlm-context session`: what there is, and one session read back."""

from typing import Any

import click

from compiler.citations import short_ids
from compiler.local_copy import Copy
from compiler.runtime import open_runtime
from compiler.summarize import load_events
from data_models.errors import NotFoundError
from data_models.events import Event
from data_models.records import CatalogEntry
from rlm_context.output import iso, minute, print_json, seq_value, table
from rlm_context.places import copies, find_session

_CLIP = 2_000
"""Characters of one event that a terminal shows; `--json` has all."""


@click.command("sessions")
@click.option("--project", metavar="P", help="A project, or the end of its name.")
@click.option("--author", metavar="A", help="Only this author's.")
@click.option("--json", "as_json", is_flag=True, help="One JSON document on stdout.")
def sessions_command(project: str | None, author: str | None, as_json: bool) -> None:
    """List the sessions, newest last."""
    found = [
        (copy, entry)
        for copy in copies(open_runtime(), project)
        for entry in copy.sessions()
        if author in (None, entry.author)
    ]
    found.sort(key=lambda pair: pair[1].started)
    if as_json:
        print_json({"sessions": [_described(copy, entry) for copy, entry in found]})
        return
    digits = short_ids(entry.session_id for _, entry in found)
    several = len({copy.project for copy, _ in found}) > 1
    rows = [
        (
            minute(entry.started),
            digits[entry.session_id],
            entry.author,
            *((copy.project,) if several else ()),
            str(entry.prompts),
            entry.title or "(untitled)",
        )
        for copy, entry in found
    ]
    header = ("started (UTC)", "session", "author", *(("project",) if several else ()), "prompts", "title")
    click.echo(table(rows, header))


@click.command("session")
@click.argument("session_id", metavar="ID")
@click.option("--project", metavar="P", help="A project, or the end of its name.")
@click.option("--from", "first", metavar="SEQ", help="From this record on (12, or agent-id/12).")
@click.option("--to", "last", metavar="SEQ", help="Up to and with this record.")
@click.option("--json", "as_json", is_flag=True, help="One JSON document on stdout.")
def session_command(
    session_id: str, project: str | None, first: str | None, last: str | None, as_json: bool
) -> None:
    """Read one session: ID is a session id, or the digits of a citation ([s:1a2b3c4d#12] too)."""
    runtime = open_runtime()
    _, entry = find_session(copies(runtime, project), session_id)
    _, _, cited = session_id.rstrip("]").partition("#")
    events = load_events(runtime, entry.parquet)
    chosen = _range(events, first or cited or None, last or (cited if not first else None) or None)
    if as_json:
        print_json(
            {"session_id": entry.session_id, "author": entry.author, "events": list(map(_event, chosen))}
        )
        return
    click.echo(
        f"{entry.title or entry.session_id}\n{entry.author}, {minute(entry.started)} UTC, {entry.branch}\n"
    )
    for event in chosen:
        click.echo(_line(event))


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


def _range(events: list[Event], first: str | None, last: str | None) -> list[Event]:
    """The events from one record to another, both in the main file or both in one subagent's."""
    if first is None and last is None:
        return events
    agent, low = _split(first) if first else (_split(last or "")[0], 0)
    high = _split(last)[1] if last else None
    chosen = [
        event
        for event in events
        if event.subagent == agent and event.seq >= low and (high is None or event.seq <= high)
    ]
    if not chosen:
        raise NotFoundError("no such records in this session", next_command="leave out --from and --to")
    return chosen


def _split(ref: str) -> tuple[str, int]:
    agent, _, number = ref.rpartition("/")
    if not number.isdigit():
        raise click.BadParameter(f"{ref} is no record: 12, or agent-id/12")
    return agent, int(number)


def _event(event: Event) -> dict[str, Any]:
    return {
        "seq": seq_value(event.ref),
        "uuid": event.uuid,
        "role": event.role,
        "kind": event.kind,
        "time": iso(event.time),
        "text": event.text,
        "tool": event.tool,
        "file": event.file_path,
        "is_error": event.is_error,
    }


def _line(event: Event) -> str:
    text = (
        event.text if len(event.text) <= _CLIP else f"{event.text[:_CLIP]} … ({len(event.text)} characters)"
    )
    name = f"{event.role} {event.kind}" + (f" {event.tool}" if event.tool else "")
    return f"#{event.ref} {name}{' (error)' if event.is_error else ''}: {text}"
