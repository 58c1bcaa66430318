"""What one step hands to the next: small values that travel as JSON between tasks and processes."""

import hashlib

import msgspec

from data_models.events import SCHEMA_VERSION, Reject
from data_models.records import BlobRef, CatalogEntry

INGEST, SUMMARIES, CHUNK, NODE, SEGMENT = "ingest", "summaries", "chunk", "node", "segment"
"""Memo stages: one session's ingest and summaries, one paid chunk summary, one tree node, one index segment."""


class Plan(msgspec.Struct, frozen=True, kw_only=True):
    """What a compile has to do.

    `parents` are the manifests that the next generation follows (several where two were published at once; the
    first is the one that readers see), `new` the newest receipts that the first does not hold, `rebuild` whether
    all is made anew.
    """

    project: str
    parents: tuple[str, ...]
    number: int
    new: tuple[str, ...]
    total: int
    rebuild: bool = False


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
    """One session as the map leaves it: its chunks and the memo key of their summaries."""

    ingested: Ingested
    chunks: tuple[str, ...]
    summaries: str
    new_chunks: int = 0
    degraded: tuple[str, ...] = ()
    title: str = ""
    seconds_chunk: float = 0.0
    seconds_summarize: float = 0.0


class Grown(msgspec.Struct, frozen=True, kw_only=True):
    """The tree after a compile: entries of the sessions it worked on, the month nodes, and what was made new."""

    entries: tuple[CatalogEntry, ...]
    months: tuple[str, ...]
    digests_new: int
    rollups_total: int
    rollups_new: int


class Texts(msgspec.Struct, frozen=True, kw_only=True):
    """The compiled context as blobs: the brief, the full text (both Markdown), and the root with its verdicts.

    `uncited` counts lines that were dropped because no citation of theirs resolves.
    """

    brief: BlobRef
    full: BlobRef
    root: BlobRef
    uncited: int = 0
    degraded: str = ""


def content_hash(*parts: object) -> str:
    """SHA-256 of the parts' canonical JSON and of the events' schema version, as hex."""
    return hashlib.sha256(msgspec.json.encode((SCHEMA_VERSION, parts), order="deterministic")).hexdigest()
