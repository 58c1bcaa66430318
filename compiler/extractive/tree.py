"""Session digests and rollups: the statements below, completed, merged and bounded."""

from collections import Counter
from collections.abc import Iterable, Sequence

import msgspec

from compiler.extractive import cues
from compiler.extractive.commits import DONE_WEIGHT, is_generic, plain_subject
from compiler.extractive.merge import merge
from compiler.extractive.rules import TODO
from compiler.extractive.select import best
from compiler.extractive.text import shorten
from data_models.knowledge import (
    ChunkSummary,
    Citation,
    Commit,
    FileStat,
    Level,
    Node,
    SessionInfo,
    Statement,
)

DIGEST_PER_KIND = 12
ROLLUP_PER_KIND = 100
MOST_FILES = 80
MOST_COMMITS = 160
MOST_TERMS = 40
MOST_DIGESTS = 40
HEADLINE_WEIGHT = 10.0
SAID_OPEN = 2.3
"""Least weight of an open item that says so itself, by a label or in a tracker."""
_AT_THE_END_MS = 10 * 60_000
_NO_TOPIC = frozenset({"", "HEAD", "main", "master", "trunk", "develop"})


def digest(session: SessionInfo, summaries: Sequence[ChunkSummary]) -> Node:
    """What one session says; the node's `id` is left to the caller."""
    return digest_of(session, summaries, merge(standing(session, summaries)))


def standing(session: SessionInfo, summaries: Sequence[ChunkSummary]) -> list[Statement]:
    """The statements of a session's chunks, cited in full, without what its later chunks show as done."""
    named = [_named(one, session) for summary in summaries for one in summary.statements]
    committed = max((commit.time for summary in summaries for commit in summary.commits), default=0)
    return [one for one in named if _still_open(one, session, committed)]


def digest_of(session: SessionInfo, summaries: Sequence[ChunkSummary], merged: Iterable[Statement]) -> Node:
    """The digest that holds the best of these statements.

    Args:
        session: the session.
        summaries: its chunks', in order, for all else that a digest holds.
        merged: what the session says.
    """
    statements = best(merged, DIGEST_PER_KIND)
    title = _title(summaries, statements)
    first = [_named(one, session) for one in summaries[0].statements] if summaries else []
    headline = _headline(session, statements, first)
    commits = [_cited(commit, session.session_id) for summary in summaries for commit in summary.commits]
    return Node(
        id="",
        level="digest",
        bucket=session.session_id,
        title=title,
        sessions=1,
        authors=(session.author,),
        started=session.started,
        ended=session.ended,
        statements=(*headline, *statements),
        files=join_files((stat for summary in summaries for stat in summary.files), session.session_id),
        commits=tuple(commits[-MOST_COMMITS:]),
        terms=_join_terms(summary.terms for summary in summaries),
        digests=((session.session_id, title),),
    )


def rollup(level: Level, bucket: str, children: Sequence[Node]) -> Node:
    """What several nodes say together, in bounded size, whatever their order."""
    ordered = sorted(children, key=lambda node: (node.started, node.bucket, node.id))
    statements = best(merge(one for node in ordered for one in node.statements), ROLLUP_PER_KIND)
    commits = sorted({commit for node in ordered for commit in node.commits}, key=lambda c: (c.time, c.ref))
    return Node(
        id="",
        level=level,
        bucket=bucket,
        title=bucket,
        sessions=sum(node.sessions for node in ordered),
        authors=tuple(sorted({author for node in ordered for author in node.authors})),
        started=min((node.started for node in ordered), default=0),
        ended=max((node.ended for node in ordered), default=0),
        statements=tuple(statements),
        files=join_files(stat for node in ordered for stat in node.files),
        commits=tuple(commits[-MOST_COMMITS:]),
        terms=_join_terms(node.terms for node in ordered),
        digests=tuple(pair for node in ordered for pair in node.digests)[-MOST_DIGESTS:],
    )


def _still_open(statement: Statement, session: SessionInfo, committed: int) -> bool:
    # What an agent left undone half-way through a session was mostly done by its end, and what stood on its todo
    # list by the last commit.
    if statement.text.startswith(TODO) and statement.time <= committed:
        return False
    if (
        statement.kind != "open_item"
        or statement.by == "human"
        or statement.time >= session.ended - _AT_THE_END_MS
    ):
        return True
    if statement.text.startswith(TODO):
        return False
    return statement.weight >= SAID_OPEN or bool(cues.OPEN_EXPLICIT.search(statement.text))


def _headline(
    session: SessionInfo, statements: Sequence[Statement], first: Sequence[Statement]
) -> tuple[Statement, ...]:
    """One statement that says what the session was about and did, with its branch in front.

    Args:
        session: the session.
        statements: what the whole session says.
        first: what its first chunk says: there stands what it is about.
    """
    done = sorted((one for one in statements if one.kind == "done"), key=lambda one: (-one.weight, -one.time))
    made = [one for one in done if one.weight >= DONE_WEIGHT]
    told = made[:3] or [*(_asked(first) or _asked(statements)), *done[:1]]
    if not told:
        return ()
    parts = dict.fromkeys(shorten(plain_subject(one.text), 110 if made else 130) for one in told)
    text = ("; " if made else " → ").join(parts)
    topic = "" if session.branch in _NO_TOPIC else f"`{session.branch}`: "
    cited = dict.fromkeys(citation for one in told for citation in one.citations[:1])
    return (
        Statement(
            kind="done",
            text=f"{topic}{shorten(text, 260)}",
            citations=tuple(cited),
            time=session.ended,
            weight=HEADLINE_WEIGHT + told[0].weight / 10,
            by="tool",
            authors=(session.author,),
        ),
    )


def _asked(statements: Sequence[Statement]) -> list[Statement]:
    asked = [one for one in statements if one.kind == "asked"]
    return sorted(asked, key=lambda one: (-one.weight, one.time))[:1]


def _named(statement: Statement, session: SessionInfo) -> Statement:
    return msgspec.structs.replace(
        statement,
        citations=tuple(Citation(session.session_id, cited.seq) for cited in statement.citations),
        authors=(session.author,),
    )


def _cited(commit: Commit, session_id: str) -> Commit:
    return msgspec.structs.replace(commit, citation=Citation(session_id, commit.citation.seq))


def _title(summaries: Sequence[ChunkSummary], statements: Sequence[Statement]) -> str:
    titles = [summary.title for summary in summaries if summary.title]
    if titles:
        return titles[-1]
    subjects = [
        commit.subject
        for summary in summaries
        for commit in summary.commits
        if not is_generic(commit.subject)
    ]
    if subjects:
        return subjects[-1][:120]
    asked = _asked(statements)
    return shorten(asked[0].text, 120) if asked else ""


def join_files(stats: Iterable[FileStat], session_id: str = "") -> tuple[FileStat, ...]:
    """Per file the sums of edits and sessions and the newest citation.

    Args:
        stats: files of several nodes, or of one session's chunks.
        session_id: the session whose chunks these are, "" for nodes (whose sessions differ).
    """
    joined: dict[str, FileStat] = {}
    for stat in stats:
        cited = (
            tuple(Citation(session_id, one.seq) for one in stat.citations) if session_id else stat.citations
        )
        named = msgspec.structs.replace(stat, citations=cited)
        old = joined.get(stat.path)
        joined[stat.path] = _sum(old, named, same_session=bool(session_id)) if old else named
    ranked = sorted(joined.values(), key=lambda stat: (-stat.sessions, -stat.edits, stat.path))
    return tuple(ranked[:MOST_FILES])


def _sum(one: FileStat, other: FileStat, same_session: bool) -> FileStat:
    newest = max((one, other), key=lambda stat: (stat.last, stat.citations))
    sessions = 1 if same_session else one.sessions + other.sessions
    return FileStat(one.path, one.edits + other.edits, sessions, newest.last, newest.citations)


def _join_terms(groups: Iterable[Sequence[str]]) -> tuple[str, ...]:
    counts = Counter(term for group in groups for term in group)
    return tuple(
        term for term, _ in sorted(counts.items(), key=lambda item: (-item[1], item[0]))[:MOST_TERMS]
    )
