"""The tool `search_context`."""

from typing import Annotated

import msgspec

from compiler.models.fence import line
from rlm_context.fast_search import LocalIndex, find
from rlm_context.mcp_server.fenced import MOST_CHARS, NOTICE, clean, shown
from rlm_context.mcp_server.places import indexes
from rlm_context.mcp_server.tool import Arguments, Author, Project, Reply, Tool, threaded
from rlm_context.shown import iso
from search.query import Hit
from search.render import digits, render

Meta = msgspec.Meta


class SearchArguments(Arguments, frozen=True, kw_only=True):
    """What is looked for."""

    query: Annotated[
        str,
        Meta(
            description="Words, a question, a path, or an error message as it was printed. There is no syntax.",
            min_length=1,
            max_length=2_000,
        ),
    ]
    project: Project = ""
    author: Author = ""
    agent: Annotated[str, Meta(description="Only this agent's sessions: claude-code or codex.")] = ""
    since: Annotated[str, Meta(description="Not before: 2026-01-31, or 7d, 12h, 2w ago.")] = ""
    until: Annotated[str, Meta(description="Not after.")] = ""
    file: Annotated[
        str,
        Meta(
            description="Only where a matching file was worked on: *.go, cmd/main.go. * and ? are wild.",
            max_length=500,
        ),
    ] = ""
    limit: Annotated[int, Meta(description="The most passages.", ge=1, le=30)] = 12


class Passage(msgspec.Struct, frozen=True, kw_only=True):
    """One passage: `citation` is what get_session takes; `role` is human, assistant, tool or harness."""

    citation: str
    author: str
    project: str
    agent: str
    time: str | None
    role: str
    text: str


class SearchResult(msgspec.Struct, frozen=True, kw_only=True):
    """The passages, best first, and the projects that were searched."""

    notice: str
    projects: list[str]
    passages: list[Passage]


def search_context(arguments: SearchArguments) -> Reply:
    """The passages that answer a query best."""
    filters = {
        f"--{name}": value
        for name in ("author", "agent", "since", "until", "file")
        if (value := getattr(arguments, name))
    }
    chosen = indexes(arguments.project)
    hits, _ = find(arguments.query, {**filters, "--limit": str(arguments.limit)}, chosen)
    hits = _bounded(hits)
    long_digits = _long_digits(chosen)
    document = SearchResult(
        notice=NOTICE,
        projects=[index.project for index in chosen],
        passages=[_passage(hit, long_digits) for hit in hits],
    )
    if not hits:
        return Reply("Nothing found. Fewer or other words may help; recent_work lists sessions.", document)
    return Reply(shown("passages", clean(render(hits, long_digits), 2 * MOST_CHARS)), document)


def _bounded(hits: list[Hit]) -> list[Hit]:
    """The first hits, as many as a result may hold."""
    room = MOST_CHARS
    for count, hit in enumerate(hits):
        room -= len(hit.snippet)
        if room < 0:
            return hits[:count]
    return hits


def _long_digits(chosen: list[LocalIndex]) -> dict[str, str]:
    return {session: shown for index in chosen for session, shown in index.long_digits().items()}


def _passage(hit: Hit, long_digits: dict[str, str]) -> Passage:
    cited = long_digits.get(hit.session_id) or digits(hit.session_id)
    records = hit.from_seq if hit.from_seq == hit.to_seq else f"{hit.from_seq}-{hit.to_seq}"
    return Passage(
        citation=f"[s:{cited}#{records}]",
        author=line(hit.author),
        project=hit.project,
        agent=hit.agent,
        time=iso(hit.time),
        role=hit.voice,
        text=line(hit.snippet),
    )


SEARCH = Tool(
    name="search_context",
    title="Search the team's sessions",
    description=(
        "Search what this team's people and coding agents said and did in earlier sessions of this project: decisions "
        "and their reasons, what was tried and failed, errors and what fixed them, who worked on what. Use it before "
        "you change code whose reasons you do not know, when an error looks as if somebody met it before, and when the "
        "user refers to earlier work. Returns short passages, best first, each with author, day and a citation "
        "[s:1a2b3c4d#12] that get_session reads. Answers in milliseconds from this machine; costs nothing."
    ),
    arguments=SearchArguments,
    result=SearchResult,
    run=threaded(search_context),
)
