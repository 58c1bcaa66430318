"""What the search benchmarks read: the team sample's sessions and questions, and QMSum's meetings."""

import json
import lzma
import os
import sys
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from data_models.events import Event
from data_models.knowledge import SessionInfo
from search.build import assemble, build_segment
from search.document import Document
from search.documents import documents_of
from transcripts.events import read_events
from transcripts.slim import slim_session
from transcripts.sources import find_sessions

SHARED = Path(
    os.environ.get("RLM_CONTEXT_TEST_TRANSCRIPTS", Path(__file__).parents[2] / "shared" / "transcripts")
)
QMSUM = SHARED.parent / "data"


class Session(NamedTuple):
    """One session with its events."""

    info: SessionInfo
    events: list[Event]


class Query(NamedTuple):
    """A query, the sessions that answer it, and (QMSum) the seqs in the session that do."""

    text: str
    sessions: frozenset[str]
    seqs: frozenset[int] = frozenset()


def team_sample(source: Path) -> list[Session]:
    """Every session of the unpacked team sample."""
    return [
        _session(files.session_id, files.author, read_events(slim_session(files, _as_it_is).blob)[0])
        for files in find_sessions(source).sessions
    ]


def questions() -> list[dict[str, Any]]:
    """The questions about the team sample that have evidence."""
    found: list[dict[str, Any]] = json.loads((SHARED / "team-sample-questions.json").read_bytes())
    return [question for question in found if question["evidence"]]


def commit_queries() -> list[Query]:
    """Commit subjects and the sessions that made each; a subject that was used twice is one query."""
    sessions: dict[str, set[str]] = {}
    for one in json.loads((SHARED / "team-sample-commit-queries.json").read_bytes()):
        sessions.setdefault(one["subject"], set()).update(one["sessions"])
    return [Query(subject, frozenset(found)) for subject, found in sessions.items()]


def without_commits(session: Session) -> Session:
    """A session without its `git commit` calls and their results."""
    commits = {
        event.tool_use_id
        for event in session.events
        if event.kind == "tool_use" and ("git commit" in event.text or "commit -m" in event.text)
    }
    kept = [event for event in session.events if not (event.tool_use_id and event.tool_use_id in commits)]
    return Session(session.info, kept)


def title_queries(source: Path, sessions: Iterable[Session]) -> list[Query]:
    """Session titles as queries: a title names the session that holds the record it points to."""
    holders: dict[str | None, str] = {}
    for session in sessions:
        for event in session.events:
            holders.setdefault(event.uuid, session.info.session_id)
    named: dict[str, set[str]] = {}
    for path in source.rglob("*.jsonl"):
        for line in path.read_bytes().split(b"\n"):
            if line.startswith(b'{"type":"summary"'):
                record = json.loads(line)
                if record.get("leafUuid") in holders:
                    named.setdefault(record["summary"], set()).add(holders[record["leafUuid"]])
    return [Query(title, frozenset(found)) for title, found in named.items()]


def without_titles(session: Session) -> Session:
    """A session without its titles and compaction summaries."""
    return Session(
        session.info, [event for event in session.events if event.kind not in ("title", "summary")]
    )


def qmsum(part: str) -> tuple[list[Session], list[Query]]:
    """QMSum's meetings as sessions, one turn a message, and its questions with their evidence turns."""
    sessions, queries = [], []
    with lzma.open(QMSUM / f"qmsum_{part}.jsonl.xz", "rt", encoding="utf-8") as lines:
        for number, line in enumerate(lines):
            meeting = json.loads(line)
            name = f"{part}-{number}"
            turns = [f"{turn['speaker']}: {turn['content']}" for turn in meeting["meeting_transcripts"]]
            events = [
                Event(seq=seq, block=0, role="assistant", kind="text", text=turn)
                for seq, turn in enumerate(turns, 1)
            ]
            sessions.append(_session(name, name, events))
            queries += [
                Query(one["query"], frozenset({name}), frozenset(_seqs(one["relevant_text_span"])))
                for one in meeting["specific_query_list"]
            ]
    return sessions, queries


def index(sessions: Iterable[Session], folder: Path) -> list[Document]:
    """Index sessions in `folder`; returns their messages."""
    documents = [one for session in sessions for one in documents_of(session.events, session.info, ())]
    assemble([build_segment(documents)], {}, folder)
    return [one for one in documents if one.kind == "message"]


def source_argument() -> Path:
    """The unpacked team sample, from the command line; ends the process where it is missing."""
    if len(sys.argv) != 2 or not Path(sys.argv[1]).is_dir() or not SHARED.is_dir():
        sys.exit(
            f"usage: python -m {Path(sys.argv[0]).stem} DIR   (team-sample.tar.xz unpacked; sets in {SHARED})"
        )
    return Path(sys.argv[1])


def _seqs(spans: Sequence[Sequence[str]]) -> Iterator[int]:
    for first, last in spans:
        yield from range(int(first) + 1, int(last) + 2)


def _session(session_id: str, author: str, events: list[Event]) -> Session:
    times = [event.time for event in events if event.time] or [0]
    prompts = sum(event.kind == "prompt" for event in events)
    info = SessionInfo(
        session_id=session_id,
        agent="claude-code",
        author=author,
        project="team",
        branch="",
        started=min(times),
        ended=max(times),
        prompts=prompts,
        events=len(events),
    )
    return Session(info, events)


def _as_it_is(text: str, _counts: dict[str, int], /) -> str:
    return text
