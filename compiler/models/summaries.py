"""From a model's answer about a chunk to a chunk summary: what it cites is looked up, the rest is not believed.

Who said a statement, when, and about which files follows from the events it rests on. Files, commits, checks, opened
issues and repeated wishes are read from structure (compiler/extractive): that costs nothing and invents nothing.
"""

import re
from collections.abc import Iterable, Iterator, Sequence
from typing import NamedTuple

from compiler.extractive import calls
from compiler.extractive.about import ABOUT
from compiler.extractive.commits import DONE_WEIGHT
from compiler.extractive.rules import ISSUE
from compiler.extractive.select import LIGHT
from compiler.extractive.summarize import MOST_TERMS
from compiler.extractive.text import shorten
from compiler.extractive.turns import folders
from compiler.models import fence
from compiler.models.evidence import Evidence, Record
from compiler.models.guard import fault
from compiler.models.pieces import Piece
from compiler.models.replies import ChunkReply, ChunkStatement
from data_models.events import Event
from data_models.knowledge import ChunkSummary, Citation, Statement

MOST_STATEMENTS = 32
LONGEST_STATEMENT = 320
LONGEST_TITLE = 100
_LONGEST_TERM = 60
_MOST_CITED = 4
_WEIGHTS = (0.8, 1.6, 2.6, 4.0, 5.5)
"""Weight by importance, 1 to 5. Rules of the extractive backend give 0.5 to 6, so that both can stand side by side;
the least is below what a pattern needs to count at its first mention."""
_UNCOMMITTED = 4.5
"""Most weight of what was done without a commit; `DONE_WEIGHT` and more is what the record shows as committed."""
_REF = re.compile(r"(?:[\w.-]+/)?\d+")


class Read(NamedTuple):
    """What was made of one piece of a chunk. `uncited` and `refused` count statements that were dropped."""

    title: str = ""
    statements: tuple[Statement, ...] = ()
    terms: tuple[str, ...] = ()
    uncited: int = 0
    refused: int = 0
    degraded: tuple[str, ...] = ()


def read(reply: ChunkReply, piece: Piece) -> Read:
    """A model's answer about a piece, without what cannot be believed."""
    record = piece.record
    committed = _committed(record, piece.extract)
    roots = folders(piece.events)
    kept: list[Statement] = []
    uncited = refused = 0
    for one in reply.statements[:MOST_STATEMENTS]:
        refs = _resolved(one.seqs, record)
        text = shorten(one_line(one.text), LONGEST_STATEMENT)
        evidence = record.evidence(refs)
        if not refs:
            uncited += 1
        elif not text or fault(text, evidence, told=True):
            refused += 1
        else:
            kept.append(_statement(one, text, refs, record, evidence, committed, roots))
    title = checked_title(reply.title, record.whole)
    terms = tuple(_terms(reply.terms, record.whole))
    return Read(title, tuple(kept), terms, uncited, refused + (bool(reply.title.strip()) and not title))


def of_extract(piece: Piece, reason: str) -> Read:
    """The same without a model, and why."""
    extract = piece.extract
    kept, refused = believed(extract.statements, piece.record)
    return Read(_hosts_title(piece), kept, extract.terms, 0, refused, (reason,))


def _hosts_title(piece: Piece) -> str:
    """The title of the agent's host, which a model made of the same transcript; "" where it steers its reader."""
    title = piece.extract.title
    return "" if fault(title, piece.record.whole) else title


def believed(statements: Iterable[Statement], record: Record) -> tuple[tuple[Statement, ...], int]:
    """The statements that the guard lets pass, and how many it does not."""
    given = tuple(statements)
    kept = tuple(
        one
        for one in given
        if not fault(one.text.removeprefix(ABOUT), record.evidence(cited.seq for cited in one.citations))
    )
    return kept, len(given) - len(kept)


def structural(extract: ChunkSummary, told: Iterable[Statement]) -> Iterator[Statement]:
    """What only structure tells and counts: checks that were run, what the project is, opened issues, commits that
    no statement of `told` rests on, and wishes, which count where several sessions hold them."""
    cited = {citation for one in told if one.kind == "done" for citation in one.citations}
    for one in extract.statements:
        light = one.kind == "pattern" and (one.by == "tool" or one.weight < LIGHT)
        commit = one.kind == "done" and one.weight >= DONE_WEIGHT and not cited.intersection(one.citations)
        if light or commit or one.text.startswith(ISSUE):
            yield one


def one_line(text: str) -> str:
    """A model's text on one line."""
    return " ".join(text.split())


def checked_title(title: str, evidence: Evidence) -> str:
    """A model's title, "" where it cannot be believed."""
    text = shorten(one_line(title), LONGEST_TITLE)
    return "" if not text or fault(text, evidence, told=True) else text


def weight(importance: int) -> float:
    """Weight of a statement by its importance, 1 to 5; what lies outside counts as the nearest."""
    return _WEIGHTS[min(max(importance, 1), len(_WEIGHTS)) - 1]


def _statement(
    one: ChunkStatement,
    text: str,
    refs: Sequence[str],
    record: Record,
    evidence: Evidence,
    committed: frozenset[str],
    roots: Sequence[str],
) -> Statement:
    events = record.at(refs)
    return Statement(
        kind=one.kind,
        text=text,
        citations=tuple(Citation("", ref) for ref in refs),
        time=max(event.time or 0 for event in events),
        weight=_weight(one, refs, committed),
        by=evidence.speaker(text),
        files=_files(events, roots),
        verbatim=False,
    )


def _weight(one: ChunkStatement, refs: Iterable[str], committed: frozenset[str]) -> float:
    given = weight(one.importance)
    if one.kind != "done":
        return given
    return DONE_WEIGHT + given / 10 if committed.intersection(refs) else min(given, _UNCOMMITTED)


def _committed(record: Record, extract: ChunkSummary) -> frozenset[str]:
    """Refs of the calls and results by which something was committed."""
    results = [commit.citation.seq for commit in extract.commits]
    ids = {event.tool_use_id for event in record.at(results) if event.tool_use_id}
    return frozenset(results) | {event.ref for event in record.events if event.tool_use_id in ids}


def _resolved(given: Iterable[str], record: Record) -> tuple[str, ...]:
    """The refs that are there, as the events write them."""
    found = (match for seq in given for match in _REF.findall(seq)[:1])
    return tuple(dict.fromkeys(ref for ref in found if ref in record))[:_MOST_CITED]


def _files(events: Iterable[Event], roots: Sequence[str]) -> tuple[str, ...]:
    paths = (
        path
        for event in events
        for path in (
            calls.relative(event.file_path, roots) if event.file_path else "",
            *_changed(event, roots),
        )
    )
    return tuple(dict.fromkeys(path for path in paths if path))


def _changed(event: Event, roots: Sequence[str]) -> list[str]:
    return calls.changed_files(event, roots) if event.kind == "tool_use" else []


def _terms(given: Iterable[str], evidence: Evidence) -> Iterator[str]:
    """Search terms that people or agents used."""
    spoken = evidence.spoken.lower()
    cleaned = dict.fromkeys(one_line(fence.plain(term)).lower() for term in given)
    found = (term for term in cleaned if 1 < len(term) <= _LONGEST_TERM and term in spoken)
    return (term for _, term in zip(range(MOST_TERMS), found, strict=False))


def summary(whole: Piece, pieces: Sequence[Read]) -> ChunkSummary:
    """The summary of a chunk.

    Args:
        whole: the chunk.
        pieces: what was made of each piece of it, in order.
    """
    extract = whole.extract
    told = [one for piece in pieces for one in piece.statements]
    extra, refused = believed(structural(extract, told), whole.record)
    titles = [piece.title for piece in pieces if piece.title]
    terms = dict.fromkeys(term for piece in pieces for term in piece.terms)
    return ChunkSummary(
        chunk_id=whole.chunk.id,
        title=titles[-1] if titles else _hosts_title(whole),
        statements=tuple(dict.fromkeys((*told, *extra))),
        files=extract.files,
        commits=extract.commits,
        terms=tuple(terms)[:MOST_TERMS],
        degraded="; ".join(dict.fromkeys(reason for piece in pieces for reason in piece.degraded)),
        uncited=sum(piece.uncited for piece in pieces),
        refused=refused + sum(piece.refused for piece in pieces),
    )
