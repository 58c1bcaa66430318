"""What the compile learns: chunk, chunk summary, node (session digest or rollup), root.

These are the values that travel up the tree. Every statement carries the events it rests on.
"""

from typing import Literal

import msgspec

from data_models.events import Event

StatementKind = Literal[
    "asked",  # what a human asked for
    "done",  # what was changed, with the evidence (commit, PR, passing test)
    "decision",  # a choice and its reason
    "pattern",  # how this team works: conventions, standing requests
    "correction",  # a human refused or corrected something
    "dead_end",  # tried and given up, and why
    "fix",  # an error and what mended it
    "open_item",  # left undone
]


class Citation(msgspec.Struct, frozen=True, order=True):
    """Where a statement stands: a session and the `seq` of a record in it (see `Event.ref`).

    Inside a chunk summary `session_id` is "" (the chunk's own session); the digest fills it in.
    """

    session_id: str
    seq: str


class Statement(msgspec.Struct, frozen=True, kw_only=True):
    """One cited sentence.

    `time` is Unix milliseconds of the newest evidence; `weight` is comparable inside one kind only;
    `sessions` and `authors` count who said it, and grow when equal statements are merged. `verbatim` says whether
    the text holds words of the one who said it, which may be quoted, or a model's.
    """

    kind: StatementKind
    text: str
    citations: tuple[Citation, ...]
    time: int = 0
    weight: float = 0.0
    by: Literal["human", "assistant", "tool"] = "assistant"
    files: tuple[str, ...] = ()
    sessions: int = 1
    authors: tuple[str, ...] = ()
    superseded_by: tuple[Citation, ...] = ()
    verbatim: bool = True


class FileStat(msgspec.Struct, frozen=True):
    """How much a file was worked on: edits, sessions that edited it, last edit in Unix milliseconds."""

    path: str
    edits: int
    sessions: int
    last: int
    citations: tuple[Citation, ...] = ()


class Commit(msgspec.Struct, frozen=True):
    """A commit or pull request made in a session: `ref` is the short hash, or the PR's URL."""

    ref: str
    subject: str
    time: int
    citation: Citation
    pull_request: bool = False


class Chunk(msgspec.Struct, frozen=True):
    """Consecutive turns of one session, the unit of the map.

    `id` is the SHA-256 of the events' content, so equal content is summarised once.
    `tokens` is estimated as UTF-8 bytes / 4.
    """

    id: str
    session_id: str
    index: int
    first: str
    last: str
    tokens: int
    events: tuple[Event, ...]


class ChunkSummary(msgspec.Struct, frozen=True, kw_only=True):
    """What the map says of one chunk. Citations have an empty `session_id`.

    `degraded` says why the backend's usual way was not taken, `uncited` counts statements that were dropped
    because what they cite does not exist, `refused` those that a model made and nobody should believe.
    """

    chunk_id: str
    title: str = ""
    statements: tuple[Statement, ...] = ()
    files: tuple[FileStat, ...] = ()
    commits: tuple[Commit, ...] = ()
    terms: tuple[str, ...] = ()
    degraded: str = ""
    uncited: int = 0
    refused: int = 0


class SessionInfo(msgspec.Struct, frozen=True):
    """What a digest knows of its session besides the chunk summaries. Times are Unix milliseconds."""

    session_id: str
    agent: str
    author: str
    project: str
    branch: str
    started: int
    ended: int
    prompts: int
    events: int


Level = Literal["digest", "group", "day", "week", "month"]


class Node(msgspec.Struct, frozen=True, kw_only=True):
    """A session digest or a rollup.

    `id` is the hash of its inputs, `bucket` the session id, day ("2026-01-05"), ISO week ("2026-W02") or
    month ("2026-01") it stands for.
    """

    id: str
    level: Level
    bucket: str
    title: str
    sessions: int
    authors: tuple[str, ...]
    started: int
    ended: int
    statements: tuple[Statement, ...]
    files: tuple[FileStat, ...] = ()
    commits: tuple[Commit, ...] = ()
    terms: tuple[str, ...] = ()
    digests: tuple[tuple[str, str], ...] = ()
    """(session id, title) of the newest sessions below, at most a few dozen."""
    degraded: str = ""
    """Why the backend's usual way was not taken for this node, "" where it was."""
    refused: int = 0
    """Statements that a model made and nobody should believe; they were dropped."""


Section = Literal["Summary", "Key decisions", "Patterns", "Dead ends", "Open items", "Where to look"]
SECTIONS: tuple[Section, ...] = (
    "Summary",
    "Key decisions",
    "Patterns",
    "Dead ends",
    "Open items",
    "Where to look",
)


class Line(msgspec.Struct, frozen=True, kw_only=True):
    """One line of the compiled context, in rank order inside its section.

    `verdict` says whether it stands in the brief, and if not, why: "budget" (ranked too low for the space),
    "superseded" (a later statement replaced it), "uncited" (no citation of it resolves).
    """

    section: Section
    text: str
    citations: tuple[Citation, ...]
    time: int = 0
    rank: float = 0.0
    verdict: Literal["brief", "budget", "superseded", "uncited"] = "budget"
    superseded_by: tuple[Citation, ...] = ()


class Root(msgspec.Struct, frozen=True, kw_only=True):
    """What the root pass made: the lines of all sections, best first, before the brief's budget is applied.

    `degraded` says why the backend's usual way was not taken, `uncited` counts lines that were dropped because
    what they cite does not exist, `refused` those that a model made and nobody should believe.
    """

    lines: tuple[Line, ...]
    degraded: str = ""
    uncited: int = 0
    refused: int = 0
