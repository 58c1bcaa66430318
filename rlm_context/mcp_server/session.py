"""The tool `get_session`."""

from typing import Annotated

import msgspec

from compiler.models.fence import line, of_events
from compiler.record_range import between, cited
from data_models.errors import NotFoundError
from data_models.events import Event
from data_models.records import CatalogEntry
from rlm_context.mcp_server.fenced import MOST_CHARS, NOTICE, clean
from rlm_context.mcp_server.places import indexes
from rlm_context.mcp_server.tool import Arguments, Project, Reply, Tool, threaded
from rlm_context.shown import iso, minute

_RECORD_CHARS = 3_000
"""Characters of one event; a longer one is mostly what a tool printed."""
_MOST_EVENTS = 100
_MOST_SUBAGENTS = 40

Ref = Annotated[
    str, msgspec.Meta(description="A record: 12, or agent-id/12 in a subagent's file.", max_length=300)
]


class SessionArguments(Arguments, frozen=True, kw_only=True):
    """Which records of which session."""

    session: Annotated[
        str,
        msgspec.Meta(
            description="A citation such as [s:1a2b3c4d#12] or [s:1a2b3c4d#12-20], its digits, or a session id.",
            min_length=1,
            max_length=500,
        ),
    ]
    first: Ref = ""
    last: Ref = ""
    project: Project = ""


class Record(msgspec.Struct, frozen=True, kw_only=True):
    """One event: `record` is its place, `role` who said it, `tool` and `file` are what a call was about."""

    record: str
    role: str
    kind: str
    time: str | None
    tool: str
    file: str
    is_error: bool
    text: str


class SessionResult(msgspec.Struct, frozen=True, kw_only=True):
    """Records of a session, in their order; `more_from` is where to read on, "" at the end; `subagents` have files of
    their own, which begin at agent-id/1."""

    notice: str
    session_id: str
    project: str
    author: str
    agent: str
    branch: str
    title: str
    started: str | None
    records: list[Record]
    more_from: str
    subagents: list[str]


def get_session(arguments: SessionArguments) -> Reply:
    """Records of one session."""
    from compiler.local_copy import Copy  # these bring Arrow, which a search can do without
    from compiler.runtime import open_runtime
    from compiler.sessions import load_events
    from rlm_context.places import find_session

    chosen = indexes(arguments.project)
    copies = [Copy(index.project, index.folder.name, str(index.folder)) for index in chosen]
    copy, entry = find_session(copies, arguments.session)
    events = load_events(open_runtime(make_store=False).store, entry.parquet)
    wanted = _wanted(events, arguments)
    shown = _bounded(wanted)
    more_from = wanted[len(shown)].ref if len(shown) < len(wanted) else ""
    document = SessionResult(
        notice=NOTICE,
        session_id=entry.session_id,
        project=copy.project,
        author=line(entry.author),
        agent=entry.agent,
        branch=line(entry.branch)[:200],
        title=line(entry.title)[:300],
        started=iso(entry.started),
        records=[_record(event) for event in shown],
        more_from=more_from,
        subagents=sorted({event.subagent for event in events} - {""})[:_MOST_SUBAGENTS],
    )
    return Reply(_text(document, entry, shown), document)


def _wanted(events: list[Event], arguments: SessionArguments) -> list[Event]:
    """The records that were asked for: those named, else those that a citation names, else the main file."""
    first, last = arguments.first or None, arguments.last or None
    if first is None and last is None:
        first, last = cited(arguments.session)
    try:
        found = between(events, first or "1", last)
    except ValueError as error:
        raise _none(arguments, str(error)) from error
    if not found:
        raise _none(arguments, "no such records in this session")
    return found


def _none(arguments: SessionArguments, why: str) -> NotFoundError:
    return NotFoundError(f"{arguments.session}: {why}", next_command="get_session without first and last")


def _bounded(events: list[Event]) -> list[Event]:
    """The first events, as many as a result holds and at least one, each cut to what it may take."""
    kept: list[Event] = []
    room = MOST_CHARS
    for event in events[:_MOST_EVENTS]:
        text = clean(event.text, _RECORD_CHARS)
        room -= len(text)
        if kept and room < 0:
            break
        kept.append(msgspec.structs.replace(event, text=text))
    return kept


def _record(event: Event) -> Record:
    return Record(
        record=event.ref,
        role=event.role,
        kind=event.kind,
        time=iso(event.time),
        tool=line(event.tool or ""),
        file=line(event.file_path or ""),
        is_error=event.is_error,
        text=event.text,
    )


def _text(document: SessionResult, entry: CatalogEntry, shown: list[Event]) -> str:
    about = ", ".join(
        part for part in (document.author, minute(entry.started) or "undated", document.branch) if part
    )
    parts = [
        document.notice,
        f"Session {document.session_id}: {about}",
        of_events(shown) or "These records hold no text.",
        f'More: get_session with first="{document.more_from}".' if document.more_from else "",
        f"Subagents: {', '.join(document.subagents)}" if document.subagents else "",
    ]
    return "\n".join(part for part in parts if part)


SESSION = Tool(
    name="get_session",
    title="Read a session",
    description=(
        "Read what was said and done in one earlier session, record by record: prompts, answers, tool calls and their "
        "results. Give it a citation from a brief or from search_context to check it and to see what came before and "
        "after (first and last choose the records). Long records are cut and long sessions come in parts: more_from "
        "says where the next part begins."
    ),
    arguments=SessionArguments,
    result=SessionResult,
    run=threaded(get_session),
)
