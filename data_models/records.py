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


class Rules(msgspec.Struct, frozen=True, kw_only=True):
    """Redaction rules: version of the built-in ones, whether e-mail addresses too, own ones as 12 hex digits each."""

    built_in: int = 1
    emails: bool = False
    own: tuple[str, ...] = ()

    def cover(self, other: "Rules") -> bool:
        """Whether what went through these needs not go through the others too."""
        return self == self | other

    def __or__(self, other: "Rules") -> "Rules":
        return Rules(
            built_in=max(self.built_in, other.built_in),
            emails=self.emails or other.emails,
            own=tuple(sorted({*self.own, *other.own})),
        )


class Receipt(msgspec.Struct, frozen=True, kw_only=True):
    """An upload's record: one state of one session, redacted and stored as the slim blob `slim`.

    `event_ms` is the time of the session's newest record (Unix milliseconds), else the file's mtime.
    `raw_bytes` counts what the host's files held, `redactions` how many secrets of which kind were replaced,
    `rules` says by which rules.
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
    rules: Rules = Rules()
    format: int = FORMAT_VERSION


class Tokens(msgspec.Struct, frozen=True, kw_only=True):
    """Calls of one model and their tokens, in the four kinds that are priced apart."""

    calls: int = 0
    input_tokens: int = 0
    output_tokens: int = 0
    cache_read_tokens: int = 0
    cache_write_tokens: int = 0

    def __add__(self, other: "Tokens") -> "Tokens":
        return Tokens(**{name: getattr(self, name) + getattr(other, name) for name in self.__struct_fields__})


class Usage(msgspec.Struct, frozen=True, kw_only=True):
    """Model calls of a run, or of a part of one.

    `cached` counts answers taken from memo instead of a call, `input_tokens` all that was read, from a provider's
    prompt cache too, `models` the same by model and kind, so that dollars can be computed again. `usd` is of the
    models whose price is known; the others are named in `unpriced`.
    """

    calls: int = 0
    cached: int = 0
    input_tokens: int = 0
    output_tokens: int = 0
    usd: float = 0.0
    models: dict[str, Tokens] = {}
    unpriced: tuple[str, ...] = ()

    def __add__(self, other: "Usage") -> "Usage":
        names = sorted({*self.models, *other.models})
        return Usage(
            calls=self.calls + other.calls,
            cached=self.cached + other.cached,
            input_tokens=self.input_tokens + other.input_tokens,
            output_tokens=self.output_tokens + other.output_tokens,
            usd=self.usd + other.usd,
            models={n: self.models.get(n, Tokens()) + other.models.get(n, Tokens()) for n in names},
            unpriced=tuple(sorted({*self.unpriced, *other.unpriced})),
        )


class CatalogEntry(msgspec.Struct, frozen=True, kw_only=True):
    """One session of a generation: which receipt it comes from and where what was made of it lies.

    `indexed` is the number of the generation whose index segment holds it; `memo` names the memo key
    (stage/hash) of its chunk summaries; `digest` is the id of its tree node, and so its key in the stage "node";
    `usage` is what its summaries and digest cost.
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
    usage: Usage = msgspec.field(default_factory=Usage)


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


class Manifest(msgspec.Struct, frozen=True, kw_only=True):
    """One published generation of one project, immutable and complete.

    `parts` are catalog parts (JSON lines of `CatalogEntry`, zstd), oldest first: a later entry of a session
    replaces an earlier one. `texts` names the blobs "brief", "full" (Markdown), "root" (JSON of `Root`) and, where a
    recursive run made them, "trajectory" (JSON lines, `rlm/trajectory.py`).
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
