"""The tool `recent_work`."""

from collections.abc import Iterator, Mapping
from typing import Annotated

import msgspec

from compiler.models.fence import line
from data_models.knowledge import Line
from data_models.records import CatalogEntry
from rlm_context.fast_search import LocalIndex
from rlm_context.mcp_server.fenced import MOST_CHARS, NOTICE, clean, shown
from rlm_context.mcp_server.places import indexes
from rlm_context.mcp_server.tool import Arguments, Author, Project, Reply, Tool, threaded
from rlm_context.names import match_time
from rlm_context.shown import iso, minute
from search.filters import Filters

_LINES = 4
"""Lines of the compiled context shown of one session."""


class RecentArguments(Arguments, frozen=True, kw_only=True):
    """Whose work on what."""

    author: Author = ""
    file: Annotated[
        str,
        msgspec.Meta(
            description="Only sessions that worked on a matching file: *.go, cmd/main.go. * and ? are wild.",
            max_length=500,
        ),
    ] = ""
    branch: Annotated[str, msgspec.Meta(description="Only sessions on this Git branch.", max_length=500)] = ""
    since: Annotated[str, msgspec.Meta(description="Not before: 2026-01-31, or 7d, 12h, 2w ago.")] = ""
    project: Project = ""
    limit: Annotated[int, msgspec.Meta(description="The most sessions.", ge=1, le=30)] = 10


class Said(msgspec.Struct, frozen=True, kw_only=True):
    """A statement of the compiled context that rests on a session."""

    section: str
    text: str
    citation: str


class Work(msgspec.Struct, frozen=True, kw_only=True):
    """One session; `session` is what get_session takes and citations show."""

    session: str
    project: str
    author: str
    agent: str
    branch: str
    title: str
    started: str | None
    ended: str | None
    prompts: int
    statements: list[Said]


class RecentResult(msgspec.Struct, frozen=True, kw_only=True):
    """Sessions, the one that ended last first, and how many more match."""

    notice: str
    sessions: list[Work]
    more: int


def recent_work(arguments: RecentArguments) -> Reply:
    """The latest sessions of an author, on a file, or on a branch."""
    since = match_time(arguments.since) if arguments.since else 0
    found = [
        (index, entry) for index in indexes(arguments.project) for entry in _matching(index, arguments, since)
    ]
    found.sort(key=lambda pair: (pair[1].ended, pair[1].session_id), reverse=True)
    described = _described(found[: arguments.limit])
    works = [work for work, _ in described]
    document = RecentResult(notice=NOTICE, sessions=works, more=len(found) - len(works))
    if not works:
        return Reply(
            "No such sessions. Fewer filters may find some; author is written as results show it.", document
        )
    body = clean("\n\n".join(_told(work, day) for work, day in described), 2 * MOST_CHARS)
    return Reply(
        shown("recent work", body, f"{document.more:,} more match." if document.more else ""), document
    )


def _matching(index: LocalIndex, arguments: RecentArguments, since: int) -> Iterator[CatalogEntry]:
    from compiler.local_copy import Copy  # brings Arrow, which a search can do without
    from search.touched import sessions_on

    touched: Mapping[str, int] | None = None
    if arguments.file:
        touched = sessions_on([index.index], Filters(file_glob=arguments.file))
    for entry in Copy(index.project, index.folder.name, str(index.folder)).sessions():
        if (
            arguments.author in ("", entry.author)
            and arguments.branch in ("", entry.branch)
            and entry.ended >= since
            and (touched is None or entry.session_id in touched)
        ):
            yield entry


def _described(found: list[tuple[LocalIndex, CatalogEntry]]) -> list[tuple[Work, str]]:
    """The sessions with what the compiled context says of them, and when each ended as people read it."""
    from compiler.citations import short_ids
    from compiler.local_copy import Copy

    short: dict[str, dict[str, str]] = {}
    lines: dict[str, dict[str, list[Line]]] = {}
    for index in {index.project: index for index, _ in found}.values():
        copy = Copy(index.project, index.folder.name, str(index.folder))
        short[index.project] = short_ids(entry.session_id for entry in copy.sessions())
        lines[index.project] = _by_session(copy.root().lines)
    return [
        (
            _work(
                entry,
                index.project,
                short[index.project],
                lines[index.project].get(entry.session_id, []),
            ),
            minute(entry.ended) or "undated",
        )
        for index, entry in found
    ]


def _by_session(lines: tuple[Line, ...]) -> dict[str, list[Line]]:
    """The lines that stand, by the session that they rest on first, the best first."""
    found: dict[str, list[Line]] = {}
    for one in lines:
        if one.verdict in ("brief", "budget") and one.citations:
            found.setdefault(one.citations[0].session_id, []).append(one)
    return found


def _work(entry: CatalogEntry, project: str, short: Mapping[str, str], lines: list[Line]) -> Work:
    digits = short[entry.session_id]
    return Work(
        session=digits,
        project=project,
        author=line(entry.author),
        agent=entry.agent,
        branch=line(entry.branch)[:200],
        title=line(entry.title)[:300],
        started=iso(entry.started),
        ended=iso(entry.ended),
        prompts=entry.prompts,
        statements=[
            Said(
                section=one.section,
                text=line(one.text)[:400],
                citation=f"[s:{digits}#{one.citations[0].seq}]",
            )
            for one in lines[:_LINES]
        ],
    )


def _told(work: Work, ended: str) -> str:
    about = " · ".join(part for part in (ended, work.author, work.branch, f"s:{work.session}") if part)
    said = [f"- {one.section}: {one.text} {one.citation}" for one in work.statements]
    return "\n".join([about, work.title or "(untitled)", *said])


RECENT = Tool(
    name="recent_work",
    title="List recent work",
    description=(
        "List the team's latest sessions in this project, newest first, filtered by author, file or branch: who worked "
        "on it, when, under which title, and the decisions, dead ends and open items that came of it, cited. Use it "
        "before you edit a file that others work on, to take over a teammate's work, or to see what happened since you "
        "last looked. Answers from this machine; costs nothing."
    ),
    arguments=RecentArguments,
    result=RecentResult,
    run=threaded(recent_work),
)
