"""What the store holds besides blobs: receipts, catalog entries and manifests.

All are JSON, encoded by msgspec with sorted keys, so equal records are equal bytes.
"""

import msgspec

from data_models.events import Reject

FORMAT_VERSION = 1
"""Version of the store layout. A store with a larger one is refused (`FormatTooNewError`)."""


class BlobRef(msgspec.Struct, frozen=True, order=True):
    """A blob's name: its SHA-256 as 64 hex digits, and its size in bytes."""

    sha256: str
    size: int

    @property
    def key(self) -> str:
        """The blob's key in the store."""
        return f"blobs/sha256/{self.sha256[:2]}/{self.sha256}"


class Receipt(msgspec.Struct, frozen=True, kw_only=True):
    """An upload's record: one state of one session, redacted and stored as the slim blob `slim`.

    `event_ms` is the time of the session's newest record (Unix milliseconds), else the file's mtime.
    `raw_bytes` counts what the host's files held, `redactions` how many secrets of which kind were replaced.
    """

    session_id: str
    agent: str
    author: str
    project: str
    event_ms: int
    slim: BlobRef
    raw_bytes: int
    records: int
    files: tuple[str, ...] = ()
    rejects: tuple[Reject, ...] = ()
    redactions: dict[str, int] = {}
    remote: str = ""
    branch: str = ""
    cwd: str = ""
    host_version: str = ""
    format: int = FORMAT_VERSION


class CatalogEntry(msgspec.Struct, frozen=True, kw_only=True):
    """One session of a generation: which receipt it comes from and where what was made of it lies.

    `indexed` is the number of the generation whose index segment holds it; `memo` names the memo key
    (stage/hash) of its chunk summaries; `digest` is the id of its tree node, and so its key in the stage "node".
    """

    receipt: str
    session_id: str
    agent: str
    author: str
    title: str
    branch: str
    started: int
    ended: int
    events: int
    prompts: int
    slim: BlobRef
    parquet: BlobRef
    chunks: tuple[str, ...]
    digest: str
    indexed: int = 0
    memo: tuple[str, ...] = ()
    rejects: tuple[Reject, ...] = ()
    redactions: dict[str, int] = {}
    degraded: tuple[str, ...] = ()


class Segment(msgspec.Struct, frozen=True, kw_only=True):
    """One part of the search index: a blob with the documents of the sessions indexed in some generations.

    `first` and `last` are the numbers of the generations it covers (`CatalogEntry.indexed`). `stale` names the
    sessions, as (author, session id), that were uploaded again since and now stand in a newer segment.
    """

    blob: BlobRef
    first: int
    last: int
    documents: int
    stale: tuple[tuple[str, str], ...] = ()


class Usage(msgspec.Struct, kw_only=True):
    """Model calls of a run. `cached` counts results taken from memo instead of a call."""

    calls: int = 0
    cached: int = 0
    input_tokens: int = 0
    output_tokens: int = 0
    usd: float = 0.0


class Manifest(msgspec.Struct, frozen=True, kw_only=True):
    """One published generation of one project, immutable and complete.

    `parts` are catalog parts (JSON lines of `CatalogEntry`, zstd), oldest first: a later entry of a session
    replaces an earlier one. `texts` names the blobs "brief", "full" (Markdown) and "root" (JSON of `Root`).
    `created` is Unix milliseconds. `versions` names what made it (schema, parser, backend, ...).
    """

    project: str
    number: int
    nonce: str
    parents: tuple[str, ...]
    parts: tuple[BlobRef, ...]
    segments: tuple[Segment, ...]
    texts: dict[str, BlobRef]
    counts: dict[str, int]
    created: int
    versions: dict[str, str]
    usage: Usage = msgspec.field(default_factory=Usage)
    degraded: tuple[str, ...] = ()
    format: int = FORMAT_VERSION
