"""What one step hands to the next: small values that travel as JSON between tasks and processes."""

import hashlib
import time

import msgspec

from data_models.events import SCHEMA_VERSION, Reject
from data_models.knowledge import ChunkSummary
from data_models.records import BlobRef, CatalogEntry, Usage
from store.generations import new_nonce

INGEST, SUMMARIES, NODE, SEGMENT = "ingest", "summaries", "node", "segment"
"""Memo stages: one session's ingest and summaries, one tree node, one index segment."""


class Plan(msgspec.Struct, frozen=True, kw_only=True):
    """What a compile has to do.

    `parents` are the manifests that the next generation follows (several where two were published at once; the
    first is the one that readers see), `new` the newest receipts that the first does not hold, `rebuild` whether
    all is made anew, `drops` whether a parent holds what was forgotten, so that nothing may be built on it, `max_usd`
    what may still be spent on model calls (US dollars, None for no limit).
    """

    project: str
    parents: tuple[str, ...]
    number: int
    new: tuple[str, ...]
    total: int
    rebuild: bool = False
    drops: bool = False
    max_usd: float | None = None

    @property
    def has_work(self) -> bool:
        """Whether there is anything to do; all that is left may be to publish what remains, if only nothing."""
        return bool(self.new) or self.drops


class Ingested(msgspec.Struct, frozen=True, kw_only=True, tag=True):
    """One session as ingest leaves it. `started` and `ended` are Unix milliseconds."""

    receipt: str
    session_id: str
    agent: str
    author: str
    project: str
    title: str
    branch: str
    started: int
    ended: int
    events: int
    prompts: int
    slim: BlobRef
    parquet: BlobRef
    rejects: tuple[Reject, ...]
    redactions: dict[str, int]


class Unreadable(msgspec.Struct, frozen=True, tag=True):
    """A session whose upload is damaged: it is left out and named, and the others are compiled."""

    receipt: str
    reason: str


class Summarized(msgspec.Struct, frozen=True, kw_only=True):
    """One session as the map leaves it: its chunks and the memo key of their summaries.

    `paid` is what the summaries cost when they were made, `usage` what this run spent on them; `uncited` counts
    statements that were dropped because what they cite does not exist, `refused` those of models that nobody
    should believe.
    """

    ingested: Ingested
    chunks: tuple[str, ...]
    summaries: str
    new_chunks: int = 0
    degraded: tuple[str, ...] = ()
    seconds_chunk: float = 0.0
    uncited: int = 0
    refused: int = 0
    paid: Usage = msgspec.field(default_factory=Usage)
    usage: Usage = msgspec.field(default_factory=Usage)


class Mapped(msgspec.Struct, frozen=True, kw_only=True):
    """What memo holds of one session's map: the summaries of its chunks, and what they cost when they were made."""

    summaries: tuple[ChunkSummary, ...]
    paid: Usage


class Grown(msgspec.Struct, frozen=True, kw_only=True):
    """The tree after a compile: entries of the sessions it worked on, the month nodes, and what was made new.

    `refused` counts statements of models that nobody should believe, in the nodes made now.
    """

    entries: tuple[CatalogEntry, ...]
    months: tuple[str, ...]
    digests_new: int
    rollups_total: int
    rollups_new: int
    refused: int = 0
    degraded: tuple[str, ...] = ()
    usage: Usage = msgspec.field(default_factory=Usage)


class Texts(msgspec.Struct, frozen=True, kw_only=True):
    """The compiled context as blobs: the brief, the full text (both Markdown), and the root with its verdicts.

    `trajectory` is the record of the recursive run (JSON lines, `rlm/trajectory.py`), None where there was none;
    `uncited` counts lines that were dropped because no citation of theirs resolves, `refused` those of models that
    nobody should believe.
    """

    brief: BlobRef
    full: BlobRef
    root: BlobRef
    trajectory: BlobRef | None = None
    uncited: int = 0
    refused: int = 0
    degraded: str = ""
    usage: Usage = msgspec.field(default_factory=Usage)


class Made(msgspec.Struct, frozen=True):
    """What the manifest tells of how a generation was made: its rollups, what was spent, what was not as usual.

    Its nonce and when it was made (Unix milliseconds) are fixed here, before the step is called: so that a step that is
    called again, since its answer was lost, writes the same generation and no sibling of it.
    """

    rollups: int
    usage: Usage
    degraded: tuple[str, ...] = ()
    nonce: str = msgspec.field(default_factory=new_nonce)
    created: int = msgspec.field(default_factory=lambda: int(time.time() * 1000))


def content_hash(*parts: object) -> str:
    """SHA-256 of the parts' canonical JSON and of the events' schema version, as hex."""
    return hashlib.sha256(msgspec.json.encode((SCHEMA_VERSION, parts), order="deterministic")).hexdigest()
