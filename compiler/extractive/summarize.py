"""One chunk's summary, read from its structure."""

from collections import Counter
from collections.abc import Iterator, Sequence

import msgspec

from compiler.extractive import about, agent, commits, cues, human, rules
from compiler.extractive.merge import merge
from compiler.extractive.select import best, top_terms
from compiler.extractive.turns import Turn, edits, folders, read_turns
from data_models.events import Event
from data_models.knowledge import Chunk, ChunkSummary, Citation, Commit, FileStat, Statement

PER_KIND = 10
FIRST_REQUEST = 2.0
MOST_FILES = 40
MOST_TERMS = 24


def summarize(chunk: Chunk) -> ChunkSummary:
    """What one chunk says; citations have an empty session id."""
    turns = read_turns(chunk.events)
    found = [*_statements(turns), *_of_the_host(chunk.events), *about.about(chunk.events)]
    statements = best(merge(_first_requests(found)), PER_KIND)
    return ChunkSummary(
        chunk_id=chunk.id,
        title=_title(chunk.events),
        statements=tuple(statements),
        files=_files(turns, folders(chunk.events)),
        commits=tuple(_commits(turns)),
        terms=top_terms(statements, MOST_TERMS),
    )


def _statements(turns: list[Turn]) -> Iterator[Statement]:
    for earlier, turn, following in zip([None, *turns], turns, [*turns[1:], None], strict=False):
        yield from human.human_statements(turn, earlier)
        yield from agent.text_statements(turn, _correction(following))
        yield from agent.mended_checks(turn)
        yield from rules.written_rules(turn)
        yield from rules.requests(turn)
        yield from rules.checks_run(turn)
        yield from rules.issues_opened(turn)
        for commit in turn.commits:
            yield from commits.commit_statements(commit)
    yield from rules.todo_items(turns)


def _first_requests(statements: list[Statement]) -> list[Statement]:
    """The statements, the chunk's first requests made heavier: they say what the work is about."""
    raised: list[Statement] = []
    bonus = FIRST_REQUEST
    for one in statements:
        if one.kind == "asked":
            raised.append(msgspec.structs.replace(one, weight=one.weight + bonus))
            bonus *= 0.6
        else:
            raised.append(one)
    return raised


def _of_the_host(events: Sequence[Event]) -> Iterator[Statement]:
    for event in events:
        if event.kind == "summary":
            yield from agent.compaction_statements(event)


def _correction(following: Turn | None) -> str:
    said = following.said[0].text if following and following.said else ""
    return said if cues.CORRECTION.match(said) else ""


def _title(events: Sequence[Event]) -> str:
    """The host's newest title. One that stands before the first prompt names an earlier session's work."""
    begun, title = False, ""
    for event in events:
        begun = begun or event.kind == "prompt"
        if begun and event.kind == "title" and event.text:
            title = event.text[:120]
    return title


def _files(turns: Sequence[Turn], roots: Sequence[str]) -> tuple[FileStat, ...]:
    counts: Counter[str] = Counter()
    newest: dict[str, Event] = {}
    for path, call in edits(turns, roots):
        counts[path] += 1
        newest[path] = call
    return tuple(
        FileStat(path, count, 1, newest[path].time or 0, (Citation("", newest[path].ref),))
        for path, count in sorted(counts.items(), key=lambda item: (-item[1], item[0]))[:MOST_FILES]
    )


def _commits(turns: Sequence[Turn]) -> Iterator[Commit]:
    for turn in turns:
        for made in turn.commits:
            yield Commit(
                made.ref,
                made.subject,
                made.result.time or 0,
                Citation("", made.result.ref),
                made.pull_request,
            )
