"""Session digests and rollups: the statements below, completed, merged and bounded."""

from collections import Counter
from collections.abc import Iterable, Sequence

import msgspec

from compiler.extractive.merge import merge
from compiler.extractive.select import best
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
ROLLUP_PER_KIND = 80
MOST_FILES = 80
MOST_COMMITS = 160
MOST_TERMS = 40
MOST_DIGESTS = 40


def digest(session: SessionInfo, summaries: Sequence[ChunkSummary]) -> Node:
    """What one session says; the node's `id` is left to the caller."""
    named = [_named(one, session) for summary in summaries for one in summary.statements]
    commits = [_cited(commit, session.session_id) for summary in summaries for commit in summary.commits]
    return Node(
        id="",
        level="digest",
        bucket=session.session_id,
        title=_title(summaries, named),
        sessions=1,
        authors=(session.author,),
        started=session.started,
        ended=session.ended,
        statements=tuple(best(merge(named), DIGEST_PER_KIND)),
        files=join_files((stat for summary in summaries for stat in summary.files), session.session_id),
        commits=tuple(commits[-MOST_COMMITS:]),
        terms=_join_terms(summary.terms for summary in summaries),
        digests=((session.session_id, _title(summaries, named)),),
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
    asked = [one for one in statements if one.kind == "asked"]
    return min(asked, key=lambda one: one.time).text[:120] if asked else ""


def join_files(stats: Iterable[FileStat], session_id: str = "") -> tuple[FileStat, ...]:
    """Per file the sums of edits and sessions and the newest citation; with `session_id`, chunks of one session."""
    joined: dict[str, FileStat] = {}
    for stat in stats:
        if session_id:
            stat = msgspec.structs.replace(
                stat, citations=tuple(Citation(session_id, cited.seq) for cited in stat.citations)
            )
        old = joined.get(stat.path)
        joined[stat.path] = _sum(old, stat, same_session=bool(session_id)) if old else stat
    ranked = sorted(joined.values(), key=lambda stat: (-stat.sessions, -stat.edits, stat.path))
    return tuple(ranked[:MOST_FILES])


def _sum(one: FileStat, other: FileStat, same_session: bool) -> FileStat:
    newest = max((one, other), key=lambda stat: stat.last)
    sessions = 1 if same_session else one.sessions + other.sessions
    return FileStat(one.path, one.edits + other.edits, sessions, newest.last, newest.citations)


def _join_terms(groups: Iterable[Sequence[str]]) -> tuple[str, ...]:
    counts = Counter(term for group in groups for term in group)
    return tuple(
        term for term, _ in sorted(counts.items(), key=lambda item: (-item[1], item[0]))[:MOST_TERMS]
    )
