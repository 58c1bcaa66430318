"""`rlm-context session`: one session read back, whole or the records that a citation names."""

import re
from typing import Any

import click

from compiler.runtime import open_runtime
from compiler.sessions import load_events
from data_models.errors import NotFoundError
from data_models.events import Event
from rlm_context.output import print_json
from rlm_context.places import copies, find_session
from rlm_context.shown import harmless, iso, minute, seq_value

_CLIP = 2_000
"""Characters of one event that a terminal shows; `--json` has all."""
_REF = re.compile(r"(?:(?P<agent>.+)/)?(?P<seq>[0-9]{1,18})")


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
        first, last = _cited(session_id)
    chosen = _between(load_events(runtime.store, entry.parquet), first, last)
    if as_json:
        events = [_described(event) for event in chosen]
        print_json({"session_id": entry.session_id, "author": entry.author, "events": events})
        return
    about = (entry.author, f"{minute(entry.started) or 'undated'} UTC", entry.branch)
    click.echo(harmless(f"{entry.title or entry.session_id}\n{', '.join(filter(None, about))}\n"))
    for event in chosen:
        click.echo(harmless(_line(event)))


def _cited(text: str) -> tuple[str | None, str | None]:
    """The records that a citation names: "#12" one, "#12-15" or "#a1/12-a1/15" (as `search` prints) several."""
    _, _, ref = text.strip().rstrip("]").partition("#")
    agent, slash, _ = ref.partition("/")
    prefix = f"{agent}/" if slash else ""
    first, _, last = ref.partition(f"-{prefix}")
    return (first, prefix + last if last else first) if ref else (None, None)


def _between(events: list[Event], first: str | None, last: str | None) -> list[Event]:
    """The events from one record to another, both in the main file or both in one subagent's.

    Raises:
        NotFoundError: there are none.
    """
    if first is None and last is None:
        return events
    agent, low = _split(first) if first is not None else (_split(last or "")[0], 0)
    _, high = _split(last) if last is not None else (agent, None)
    chosen = [
        event
        for event in events
        if event.subagent == agent and event.seq >= low and (high is None or event.seq <= high)
    ]
    if not chosen:
        raise NotFoundError("no such records in this session", next_command="leave out --from and --to")
    return chosen


def _split(ref: str) -> tuple[str, int]:
    match = _REF.fullmatch(ref)
    if match is None:
        raise click.BadParameter(f"{ref} is no record: 12, or agent-id/12")
    return match["agent"] or "", int(match["seq"])


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
