"""Texts as sessions: who speaks as far as the text shows it, and nothing lost."""

from pathlib import Path

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from data_models.events import Event
from tests.transcripts.conftest import Session
from transcripts.sources import find_sessions
from transcripts.text_only import Stated, records, stated

WORDS = st.text("abc :#*[]()\n-", max_size=120)


def events_of(folder: Path, text: str) -> list[Event]:
    session = Session(folder, "text-only")
    events, rejects = session.read(*(msgspec.json.encode(record) for record in records(text)))
    assert rejects == []
    return events


@pytest.mark.parametrize(
    "text",
    [
        "User: Why is the kiln cold?\n\nAnd the fan?\nAssistant: The relay is open.\nTool: exit 1",
        "## User\nWhy is the kiln cold?\n\nAnd the fan?\n\n## Assistant\nThe relay is open.\n\n## Tool result\nexit 1",
        "**Human:** Why is the kiln cold?\n\nAnd the fan?\n**Claude:** The relay is open.\n**tool output**:\nexit 1",
        "[user]\nWhy is the kiln cold?\r\n\r\nAnd the fan?\r\n[assistant]\r\nThe relay is open.\r\n[tool]\r\nexit 1",
    ],
)
def test_who_speaks(tmp_path: Path, text: str) -> None:
    """Names of speakers in several hands give one event a turn, with its role."""
    assert [(event.seq, event.role, event.kind, event.text) for event in events_of(tmp_path, text)] == [
        (1, "human", "prompt", "Why is the kiln cold?\n\nAnd the fan?"),
        (2, "assistant", "text", "The relay is open."),
        (3, "tool", "tool_result", "exit 1"),
    ]


def test_times_beside_names(tmp_path: Path) -> None:
    """A time before or after a name is the turn's; without a zone it is UTC."""
    text = "[2026-03-01 10:00:00] user: one\nassistant (2026-03-01T11:00:01+01:00): two\nuser (soon): three"
    assert [event.time for event in events_of(tmp_path, text)] == [1_772_359_200_000, 1_772_359_201_000]


def test_without_names_it_is_paragraphs(tmp_path: Path) -> None:
    """Where no line names a speaker, each paragraph is an event, and counts as the agent's."""
    text = "The kiln was cold.\nWe looked.\n\n\nIt was the relay. The user was asked: twice.\n"
    assert [(event.role, event.kind, event.text) for event in events_of(tmp_path, text)] == [
        ("assistant", "text", "The kiln was cold.\nWe looked."),
        ("assistant", "text", "It was the relay. The user was asked: twice."),
    ]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("author: Mira Ö\nproject: acme/kiln\nUser: hi", Stated("Mira Ö", "acme/kiln")),
        (
            "# Author: mira\n\nRemote: git@git.example.com:Acme/Kiln.git",
            Stated("mira", "git.example.com/acme/kiln"),
        ),
        ("author   mira\nproject  kiln\n", Stated("mira", "kiln")),
        ("project: ..\nproject: other", Stated("", "..")),
        ("Author: \x1b[31mred\x07", Stated("[31mred", "")),
        ("The author: nobody" + "\n" * 30 + "project: late", Stated()),
        ("", Stated()),
    ],
)
def test_what_a_text_says_of_itself(text: str, expected: Stated) -> None:
    """Author and project are taken from the head, and only from there."""
    assert stated(text) == expected


@given(WORDS)
def test_nothing_is_lost(text: str) -> None:
    """Every line (none of these can name a speaker) is in some record, in order."""
    kept = [line for record in records(text) for line in record["text"].split("\n") if line.strip()]
    assert kept == [line for line in text.split("\n") if line.strip()]


@given(st.text(max_size=300))
def test_any_text(text: str) -> None:
    """No text raises, and what it gives can be encoded."""
    text = text.encode("utf-8", "replace").decode()
    assert msgspec.json.encode(list(records(text)))
    assert all(value.isprintable() for value in stated(text))


def test_no_source_holds_any(tmp_path: Path) -> None:
    """A text beside sessions is none: nothing but adoption makes them."""
    (tmp_path / "transcript.txt").write_text("User: hi\n")
    assert find_sessions(tmp_path).sessions == ()
