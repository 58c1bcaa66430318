"""What every agent module must do (`transcripts.agent.Agent`).

A module's tests derive from `AgentConformance` and give the agent, a folder of sample sessions, and what people said
in them:

    class TestMine(AgentConformance):
        agent = MyAgent()
        def write_sample(self, home): ...
        prompts = ("the words that a person typed", …)

Sample records are written by `json.dumps`.
"""

import json
import random
from collections.abc import Iterator
from pathlib import Path
from typing import Any, get_args

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from data_models.events import Event, Kind, Role
from transcripts.agent import Agent, Found
from transcripts.clean import Cleaner
from transcripts.collect import Collector, Position
from transcripts.lines import UNREADABLE

SECRET = "TREASURE-4711"
ODD: list[Any] = [None, True, -1, 1 << 70, "", "x", [], [[]], ["a", 1], {}, {"type": "text"}, {"type": []}]


def redact(text: str, counts: dict[str, int], /) -> str:
    """A redactor that knows one secret."""
    if SECRET not in text:
        return text
    counts["test"] = counts.get("test", 0) + 1
    return text.replace(SECRET, "[redacted]")


def read(agent: Agent, lines: list[bytes]) -> tuple[list[Event], list[dict[str, Any]]]:
    """The events of a file's lines, and the slim records between; lines that cannot be read are left out."""
    clean, into, kept = Cleaner(redact), Collector(), []
    for number, line in enumerate(lines, 1):
        try:
            record = agent.slim(line, clean)
        except UNREADABLE:
            continue
        if record is not None:
            record = msgspec.json.decode(msgspec.json.encode(record))  # as it comes back from a store
            kept.append(record)
            agent.facts(record)
            agent.events(record, Position(seq=number), into)
    return into.finish("file")[0], kept


def with_secret(value: Any) -> Any:
    """The value with the secret appended to every string of some length; keys stay."""
    if isinstance(value, dict):
        return {key: with_secret(item) for key, item in value.items()}
    if isinstance(value, list):
        return [with_secret(item) for item in value]
    return f"{value} {SECRET}" if isinstance(value, str) and " " in value else value


def mangled(value: Any, chance: random.Random) -> Any:
    """The value with about one in eight of its parts replaced by something of another type."""
    if chance.random() < 0.12:
        return chance.choice(ODD)
    if isinstance(value, dict):
        return {key: mangled(item, chance) for key, item in value.items()}
    return [mangled(item, chance) for item in value] if isinstance(value, list) else value


class AgentConformance:
    """The promises, one test each."""

    agent: Agent
    prompts: tuple[str, ...]

    def write_sample(self, home: Path) -> Path:
        """Write sample sessions below a home; the folder that the agent finds them in."""
        raise NotImplementedError

    @pytest.fixture
    def found(self, tmp_path: Path) -> Found:
        found = self.agent.find(self.write_sample(tmp_path))
        assert found is not None
        return found

    @pytest.fixture
    def lines(self, found: Found) -> list[bytes]:
        return [line for files in found.sessions for line in files.main.read_bytes().split(b"\n") if line]

    def test_sessions_are_found_in_its_own_layout_only(self, found: Found, tmp_path: Path) -> None:
        """Each file of the sample is a session with an id of its own; another folder is not its."""
        assert found.sessions
        ids = [files.session_id for files in found.sessions]
        assert len(set(ids)) == len(ids)
        assert all(files.agent == self.agent.name and files.main.is_file() for files in found.sessions)
        other = tmp_path / "somebody-else-s"
        (other / "notes").mkdir(parents=True)
        (other / "notes" / "a.jsonl").write_text('{"some": "thing"}\n')
        assert self.agent.find(other) is None

    def test_it_recognises_its_records(self, lines: list[bytes]) -> None:
        """Some record of its sample, and no other object."""
        assert any(self.agent.recognises(record) for record in _objects(lines))
        assert not any(self.agent.recognises({"some": "thing", "type": odd}) for odd in ODD)

    def test_what_people_said_comes_back(self, lines: list[bytes]) -> None:
        """Word for word and in order, as theirs, at the line that it stands in; all else is of the contract."""
        events, _ = read(self.agent, lines)
        said = [event for event in events if event.kind == "prompt"]
        assert tuple(event.text for event in said) == self.prompts
        assert {event.role for event in said} == {"human"}
        for event in events:
            assert event.role in get_args(Role)
            assert event.kind in get_args(Kind)
            assert 1 <= event.seq <= len(lines)
        for event in said:
            assert json.dumps(event.text)[1:-1] in lines[event.seq - 1].decode()

    def test_no_secret_is_kept(self, lines: list[bytes]) -> None:
        """Wherever it stands in a record, it is in no slim record."""
        _, kept = read(self.agent, [json.dumps(with_secret(record)).encode() for record in _objects(lines)])
        assert kept
        assert SECRET not in json.dumps(kept)
        assert "[redacted]" in json.dumps(kept)

    def test_our_own_context_is_left_out(self, lines: list[bytes]) -> None:
        """What we put before the agent does not come back as knowledge."""
        fence = f'<rlm-context project="p" generation="1">\\nKILN-{SECRET[-4:]}\\n</rlm-context>'
        shown = [line.replace(self.prompts[0].encode(), fence.encode()) for line in lines]
        assert shown != lines
        events, _ = read(self.agent, shown)
        assert not any("KILN-" in event.text for event in events)

    def test_the_same_file_reads_the_same(self, lines: list[bytes]) -> None:
        """Reading has no memory."""
        assert read(self.agent, lines) == read(self.agent, lines)

    def test_nothing_in_a_file_stops_it(self, lines: list[bytes]) -> None:
        """Any bytes, and its own records with parts of any other type, end in events or in an unreadable line."""
        records = list(_objects(lines))

        @settings(max_examples=100)
        @given(st.binary(max_size=200), st.integers(0, 1 << 30))
        def holds(content: bytes, seed: int) -> None:
            chance = random.Random(seed)
            broken = mangled(chance.choice(records), chance)
            read(self.agent, [content, json.dumps(broken).encode()])
            if isinstance(broken, dict):
                list(self.agent.unknown(broken))
                self.agent.recognises(broken)

        holds()

    def test_what_it_does_not_know_is_named(self) -> None:
        """A record of another kind is in the drift report."""
        assert list(self.agent.unknown({"type": "never-seen-before", "timestamp": "2026-01-05T10:00:00Z"}))


def _objects(lines: list[bytes]) -> Iterator[dict[str, Any]]:
    for line in lines:
        try:
            record = json.loads(line)
        except ValueError:
            continue
        if isinstance(record, dict):
            yield record
