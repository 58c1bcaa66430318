"""What the root model's code finds in `context`: one row a statement, and one a session."""

import asyncio
from collections.abc import Iterable, Iterator, Sequence
from itertools import islice
from typing import Any

from compiler.citations import render
from compiler.models import fence
from compiler.sessions import Sessions
from data_models.knowledge import Line, Node, Statement
from data_models.records import CatalogEntry
from search.render import day_of

Row = dict[str, Any]

_MOST_ROWS = 20_000
_MOST_SESSIONS = 2_000
"""Sessions named by title; older ones are found by `search`."""
_MOST_DIGESTS = 40
"""Sessions with all their statements: what is older stands in the rollups of its month."""


async def context_rows(base: Sequence[Line], nodes: Sequence[Node], sessions: Sessions) -> list[Row]:
    """Rows for a recursive run, newest first.

    Args:
        base: the lines that rules chose, best first in each section.
        nodes: the month rollups, oldest first.
        sessions: every session of the project.

    Returns:
        The rules' lines, then the newest sessions with their statements, then the months' statements, then the
        titles of older sessions.
    """
    newest = sorted(sessions.entries, key=lambda entry: (-entry.started, entry.session_id))
    digests = await asyncio.to_thread(lambda: [sessions.digest(entry) for entry in newest[:_MOST_DIGESTS]])
    return list(islice(_rows(base, nodes, sessions, newest, digests), _MOST_ROWS))


def _rows(
    base: Sequence[Line],
    nodes: Sequence[Node],
    sessions: Sessions,
    newest: Sequence[CatalogEntry],
    digests: Sequence[Node | None],
) -> Iterator[Row]:
    short = sessions.short
    for line in base:
        yield {
            "of": "chosen by rules",
            "section": line.section,
            "date": day_of(line.time),
            "text": fence.line(line.text),
            "cites": render(line.citations, short),
            **_superseded(line, short),
        }
    for entry, node in zip(newest, digests, strict=False):
        yield _session(entry, short)
        yield from _statements(f"session {short[entry.session_id]}", node.statements if node else (), short)
    for node in sorted(nodes, key=lambda one: (one.bucket, one.id), reverse=True):
        yield from _statements(f"month {node.bucket}", node.statements, short)
    yield from (_session(entry, short) for entry in newest[_MOST_DIGESTS:_MOST_SESSIONS])


def _session(entry: CatalogEntry, short: dict[str, str]) -> Row:
    return {
        "of": f"session {short[entry.session_id]}",
        "kind": "session",
        "date": day_of(entry.started),
        "authors": [entry.author],
        "branch": fence.line(entry.branch),
        "text": fence.line(entry.title),
    }


def _statements(source: str, statements: Iterable[Statement], short: dict[str, str]) -> Iterator[Row]:
    for one in sorted(statements, key=lambda one: (-one.time, one.kind, one.text)):
        yield {
            "of": source,
            "kind": one.kind,
            "date": day_of(one.time),
            "authors": list(one.authors),
            "sessions": one.sessions,
            "text": fence.line(one.text),
            "cites": render(one.citations, short),
            **_superseded(one, short),
        }


def _superseded(one: Line | Statement, short: dict[str, str]) -> Row:
    return {"superseded_by": render(one.superseded_by, short)} if one.superseded_by else {}
