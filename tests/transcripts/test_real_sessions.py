"""On real sessions of many people: nothing is lost, nothing is invented. Skipped where the data is missing.

The counts are made here with plain json, independently of the parser.
"""

import json
import tarfile
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from data_models.events import Event
from transcripts.agent import SessionFiles
from transcripts.drift import drift_report
from transcripts.events import read_events
from transcripts.slim import slim_session
from transcripts.sources import find_sessions

from .conftest import keep


@pytest.fixture(scope="module")
def team(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The unpacked team sample."""
    from tests.conftest import SHARED

    archive = SHARED / "team-sample.tar.xz"
    if not archive.is_file():
        pytest.skip(f"no real transcripts at {archive}")
    folder = tmp_path_factory.mktemp("team")
    with tarfile.open(archive) as opened:
        opened.extractall(folder, filter="data")
    return folder


def raw_records(path: Path) -> Iterator[dict[str, Any]]:
    """The records of a raw file, each uuid once."""
    seen = set()
    for line in path.read_bytes().split(b"\n"):
        try:
            record = json.loads(line)
        except ValueError:
            continue
        if record.get("uuid") is None or record["uuid"] not in seen:
            seen.add(record.get("uuid"))
            yield record


def counted(path: Path) -> Counter[str]:
    """Prompts, assistant texts, tool calls and tool results of a raw file."""
    counts: Counter[str] = Counter()
    for record in raw_records(path):
        kind = record.get("type")
        if kind not in ("user", "assistant") or record.get("isApiErrorMessage"):
            continue
        content = record["message"]["content"]
        blocks = [{"type": "text", "text": content}] if isinstance(content, str) else content
        for block in blocks:
            if kind == "assistant" and block["type"] in ("text", "tool_use"):
                counts[block["type"]] += 1
            elif block["type"] == "tool_result":
                counts["tool_result"] += 1
            elif kind == "user" and block["type"] == "text" and typed(record, block["text"]):
                counts["prompt"] += 1
    return counts


def typed(record: dict[str, Any], text: str) -> bool:
    """Whether a user text is a person's prompt: no harness record, no tag or bracket of the host."""
    host = record.get("isMeta") or record.get("isCompactSummary") or record.get("isSidechain")
    return not (host or record.get("origin") or text.startswith(("<", "[Request interrupted")))


def in_events(events: list[Event]) -> Counter[str]:
    """The same kinds in events of the main file."""
    kinds = ("prompt", "text", "tool_use", "tool_result")
    return Counter(event.kind for event in events if event.kind in kinds and not event.subagent)


def read(files: SessionFiles) -> list[Event]:
    """The events of a session."""
    return read_events(slim_session(files, keep).blob)[0]


@pytest.mark.slow
def test_the_team_sample(team: Path) -> None:
    """137 sessions of 5 authors; in each file all prompts, texts, calls and results are in the events."""
    found = find_sessions(team)
    assert len(found.sessions) == len(list(team.rglob("*.jsonl"))) == 137
    assert len({session.author for session in found.sessions}) == 5
    assert found.skipped == ()
    total: Counter[str] = Counter()
    for session in found.sessions:
        expected = counted(session.main)
        assert in_events(read(session)) == expected, session.main
        total += expected
    assert total["tool_result"] > 9000
    assert total["prompt"] > 900


@pytest.mark.slow
def test_rejects_and_size_of_the_team_sample(team: Path) -> None:
    """The six lines that a tool cut are the only rejects, and two thirds of the bytes are left out."""
    slims = [slim_session(session, keep) for session in find_sessions(team).sessions]
    assert [reject.reason for slim in slims for reject in slim.rejects] == ["not JSON"] * 6
    assert sum(len(slim.blob) for slim in slims) < sum(slim.raw_bytes for slim in slims) / 15


@pytest.mark.slow
def test_nothing_in_the_team_sample_is_unknown(team: Path) -> None:
    """The drift report is empty on the versions we know."""
    assert drift_report(team) == []


def test_every_recorded_host_version(shared_transcripts: Path) -> None:
    """Sessions of both Claude Code versions and of Codex are found once each, without drift."""
    for name, number in (("claude-code-2.1.197", 13), ("claude-code-2.1.330", 13), ("codex-0.169.0", 2)):
        found = find_sessions(shared_transcripts / name)
        assert len(found.sessions) == number
        assert len({session.session_id for session in found.sessions}) == number
        assert drift_report(shared_transcripts / name) == []


def test_no_phantom_sessions(shared_transcripts: Path) -> None:
    """The folder of everything gives just those sessions, and names the JSON beside them."""
    found = find_sessions(shared_transcripts)
    assert Counter(session.agent for session in found.sessions) == {"claude-code": 26, "codex": 2}
    assert {Path(reject.file).suffix for reject in found.skipped} == {".json"}


def test_a_fork_is_a_session_of_its_own(shared_transcripts: Path) -> None:
    """A fork has its own id and shares records' uuids with the session it came from."""
    sessions = {s.main.stem: s for s in find_sessions(shared_transcripts / "claude-code-2.1.330").sessions}
    whole, fork = ({event.uuid for event in read(sessions[name])} - {None} for name in ("compact", "fork"))
    assert sessions["fork"].session_id != sessions["compact"].session_id
    assert len(whole & fork) > 5
    assert fork - whole


def test_parts_of_real_sessions(shared_transcripts: Path) -> None:
    """Subagents' files and persisted results are read as parts of the session that made them."""
    sessions = {s.main.stem: s for s in find_sessions(shared_transcripts / "claude-code-2.1.330").sessions}
    assert any(event.subagent and event.text == "from-subagent" for event in read(sessions["task"]))
    outputs = [event for event in read(sessions["bigout"]) if event.kind == "tool_result"]
    assert len(outputs) == 1
    assert len(outputs[0].text) > 100_000
    assert outputs[0].text.startswith("1\n2\n")
    assert any("\u2028" in event.text for event in read(sessions["unicode"]))
