"""What a compile tells: the document of `compile --json`, and the record in runs/."""

from collections.abc import Sequence
from typing import TypeVar

import msgspec

from data_models.events import Reject
from data_models.records import Usage

T = TypeVar("T", bound=msgspec.Struct)


class Count(msgspec.Struct):
    """How many there are, and how many of them this compile made."""

    total: int = 0
    new: int = 0


class Nodes(msgspec.Struct):
    """Tree nodes by kind."""

    digest: Count = msgspec.field(default_factory=Count)
    rollup: Count = msgspec.field(default_factory=Count)


class Seconds(msgspec.Struct):
    """Wall time of each step."""

    upload: float = 0.0
    ingest: float = 0.0
    chunk: float = 0.0
    summarize: float = 0.0
    tree: float = 0.0
    index: float = 0.0
    root: float = 0.0
    publish: float = 0.0
    total: float = 0.0


class ProjectReport(msgspec.Struct, kw_only=True):
    """One project's part of a compile.

    `bytes_written` counts what this compile added to the store, `uncited` statements and lines that were dropped
    because what they cite does not exist, `refused` texts of models that nobody should believe. `batched` is what of
    `llm` was answered in batches that an earlier night handed over. `next_command` does anew what models were to do and
    did not, "" where that is nothing.
    """

    project: str
    generation: str | None = None
    sessions: Count = msgspec.field(default_factory=Count)
    authors: list[str] = []
    events: int = 0
    chunks: Count = msgspec.field(default_factory=Count)
    nodes: Nodes = msgspec.field(default_factory=Nodes)
    rejects: list[Reject] = []
    redactions: dict[str, int] = {}
    degraded: list[str] = []
    next_command: str = ""
    uncited: int = 0
    refused: int = 0
    llm: Usage = msgspec.field(default_factory=Usage)
    batched: Usage = msgspec.field(default_factory=Usage)
    seconds: Seconds = msgspec.field(default_factory=Seconds)
    bytes_written: int = 0
    paths: dict[str, str] = {}

    @property
    def spent_now(self) -> float:
        """US dollars that this compile decided to spend: what batches cost was decided when they were handed over."""
        return self.llm.usd - self.batched.usd

    def count_batched(self, usage: Usage) -> None:
        """Count what was answered in batches."""
        self.llm += usage
        self.batched += usage


class Totals(msgspec.Struct, kw_only=True):
    """The same numbers summed over projects."""

    sessions: Count
    authors: list[str]
    events: int
    chunks: Count
    nodes: Nodes
    rejects: int
    redactions: dict[str, int]
    uncited: int
    refused: int
    llm: Usage
    batched: Usage
    seconds: Seconds
    bytes_written: int


class CompileReport(msgspec.Struct, kw_only=True):
    """The whole document. `generation` is that of the only project, null where there are several.

    `prices_date` is the day of the price table behind all dollars.
    """

    generation: str | None
    projects: list[ProjectReport]
    totals: Totals
    prices_date: str
    skipped: list[Reject] = []


def summed(reports: Sequence[ProjectReport]) -> Totals:
    """The numbers of all projects together."""
    redactions: dict[str, int] = {}
    for report in reports:
        for kind, count in report.redactions.items():
            redactions[kind] = redactions.get(kind, 0) + count
    return Totals(
        sessions=_added(Count, [report.sessions for report in reports]),
        authors=sorted({author for report in reports for author in report.authors}),
        events=sum(report.events for report in reports),
        chunks=_added(Count, [report.chunks for report in reports]),
        nodes=Nodes(
            digest=_added(Count, [report.nodes.digest for report in reports]),
            rollup=_added(Count, [report.nodes.rollup for report in reports]),
        ),
        rejects=sum(len(report.rejects) for report in reports),
        redactions=redactions,
        uncited=sum(report.uncited for report in reports),
        refused=sum(report.refused for report in reports),
        llm=sum((report.llm for report in reports), Usage()),
        batched=sum((report.batched for report in reports), Usage()),
        seconds=_added(Seconds, [report.seconds for report in reports]),
        bytes_written=sum(report.bytes_written for report in reports),
    )


def _added(kind: type[T], values: Sequence[T]) -> T:
    """A struct of numbers, field by field the sum of the values."""
    names = kind.__struct_fields__
    return kind(**{name: sum(getattr(value, name) for value in values) for name in names})
