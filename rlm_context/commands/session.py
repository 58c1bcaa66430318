"""`rlm-context session`: one session read back, whole or the records that a citation names."""

from typing import Any

import click

from compiler.record_range import between, cited
from compiler.runtime import open_runtime
from compiler.sessions import load_events
from data_models.errors import NotFoundError
from data_models.events import Event
from rlm_context.output import print_json
from rlm_context.places import copies, find_session
from rlm_context.shown import harmless, iso, minute, seq_value

_CLIP = 2_000
"""Characters of one event that a terminal shows; `--json` has all."""


@click.command("session")
@click.argument("session_id", metavar="ID")
@click.option("--project", metavar="P", help="A project, or the end of its name.")
@click.option("--from", "first", metavar="SEQ", help="From this record on (12, or agent-id/12).")
@click.option("--to", "last", metavar="SEQ", help="Up to and with this record.")
@click.option("--json", "as_json", is_flag=True, help="One JSON document on stdout.")
def session_command(
    session_id: str, project: str | None, first: str | None, last: str | None, as_json: bool
) -> None:
    """Read one session. ID is a session id, the digits of a citation, or a citation ([s:1a2b3c4d#12])."""
    runtime = open_runtime(make_store=False)
    _, entry = find_session(copies(runtime, project), session_id)
    if first is None and last is None:
        first, last = cited(session_id)
    try:
        chosen = between(load_events(runtime.store, entry.parquet), first, last)
    except ValueError as error:
        raise click.BadParameter(str(error)) from error
    if not chosen and (first or last):
        raise NotFoundError("no such records in this session", next_command="leave out --from and --to")
    if as_json:
        events = [_described(event) for event in chosen]
        print_json({"session_id": entry.session_id, "author": entry.author, "events": events})
        return
    about = (entry.author, f"{minute(entry.started) or 'undated'} UTC", entry.branch)
    click.echo(harmless(f"{entry.title or entry.session_id}\n{', '.join(filter(None, about))}\n"))
    for event in chosen:
        click.echo(harmless(_line(event)))


def _described(event: Event) -> dict[str, Any]:
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
    text = event.text
    if len(text) > _CLIP:
        text = f"{text[:_CLIP]} … ({len(text):,} characters; --json has all)"
    name = f"{event.role} {event.kind}" + (f" {event.tool}" if event.tool else "")
    return f"#{event.ref} {name}{' (error)' if event.is_error else ''}: {text}"
