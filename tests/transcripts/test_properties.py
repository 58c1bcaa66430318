"""Whatever a file holds, reading it ends, counts every line, and gives only events of the contract."""

import json
import random
from pathlib import Path
from typing import Any, get_args

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from data_models.events import Kind, Role
from transcripts.events import read_events
from transcripts.lines import decoded
from transcripts.registry import AGENTS

from .conftest import FIXTURES, Session

quickly = settings(
    max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
LINES = [
    line
    for path in sorted(FIXTURES.rglob("*.jsonl"))
    for line in path.read_bytes().split(b"\n")
    if decoded(line) is not None
]
ODD: list[Any] = [
    None,
    True,
    0,
    -1,
    1e300,
    1 << 70,
    "",
    "x",
    [],
    [[]],
    ["a", 1],
    {},
    {"type": "text"},
    {"type": []},
]


@pytest.fixture(params=sorted(AGENTS))
def any_session(request: pytest.FixtureRequest, tmp_path: Path) -> Session:
    """A session of each agent."""
    return Session(tmp_path, request.param)


def check(session: Session, content: bytes) -> None:
    """The content is read without an error, and each line is a record or a reject."""
    slim = session.slim(content)
    events, rejects = read_events(slim.blob)
    filled = [line for line in content.split(b"\n") if line.strip(b"\0 \t\r")]
    assert slim.records == len(filled)
    assert len(slim.rejects) <= slim.records
    assert list(slim.rejects) == rejects[: len(slim.rejects)]
    for event in events:
        assert event.role in get_args(Role)
        assert event.kind in get_args(Kind)
        assert 1 <= event.seq <= content.count(b"\n") + 1
        event.text.encode()
    places = [(event.subagent, event.seq, event.block) for event in events]
    assert len(set(places)) == len(places)
    assert places == sorted(places)


@quickly
@given(content=st.binary(max_size=400))
def test_any_bytes(any_session: Session, content: bytes) -> None:
    """No bytes raise."""
    check(any_session, content)


@quickly
@given(data=st.data())
def test_any_order_cut_anywhere(any_session: Session, data: st.DataObject) -> None:
    """Real lines in any order, with repetitions, cut at any byte."""
    chosen = data.draw(st.lists(st.sampled_from(LINES), max_size=12))
    content = b"\n".join(chosen)
    check(any_session, content[: data.draw(st.integers(0, len(content)))])


@quickly
@given(line=st.sampled_from(LINES), seed=st.integers(0, 1 << 30))
def test_any_field_of_any_type(any_session: Session, line: bytes, seed: int) -> None:
    """A real record of which any values are replaced by values of other types."""
    chance = random.Random(seed)
    mangled = mangle(json.loads(line), chance)
    check(any_session, json.dumps(mangled).encode() + b"\n")
    for agent in AGENTS.values():
        if isinstance(mangled, dict):
            list(agent.unknown(mangled))
            agent.recognises(mangled)


def mangle(value: Any, chance: random.Random) -> Any:
    """The value with about one in eight of its parts replaced."""
    if chance.random() < 0.12:
        return chance.choice(ODD)
    if isinstance(value, dict):
        return {key: mangle(item, chance) for key, item in value.items()}
    return [mangle(item, chance) for item in value] if isinstance(value, list) else value


@quickly
@given(st.lists(st.text(st.characters(exclude_categories=["Cs"]), max_size=30), min_size=1, max_size=8))
def test_prompts_come_back(session: Session, texts: list[str]) -> None:
    """Prompts of any characters come back in order, word for word, at the line they stand in."""
    typed = [f"p {text}" for text in texts]
    spoken = [text for text in typed if "\x1b" not in text and "\x9b" not in text]
    records = [{"type": "user", "message": {"content": text}} for text in spoken]
    events, rejects = session.read(*(json.dumps(record, ensure_ascii=False).encode() for record in records))
    assert [(event.seq, event.kind, event.text) for event in events] == [
        (number, "prompt", text) for number, text in enumerate(spoken, 1)
    ]
    assert rejects == []
