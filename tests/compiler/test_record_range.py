"""What people and models write for the records of a session, and which events that means."""

import pytest

from compiler.citations import digits_of
from compiler.record_range import between, place_of
from data_models.events import Event

EVENTS = [
    Event(seq=seq, block=0, role="human", kind="prompt", text="hello", subagent=agent)
    for agent in ("", "agent-a3")
    for seq in range(1, 6)
]


@pytest.mark.parametrize(
    ("ref", "place"),
    [
        ("12", ("", 12)),
        (" #12 ", ("", 12)),
        ("1a2b3c4d#12", ("", 12)),
        ("agent-a3/12", ("agent-a3", 12)),
        ("1a2b3c4d#agent-a3/12", ("agent-a3", 12)),
    ],
)
def test_a_record_goes_by_what_shows_it(ref: str, place: tuple[str, int]) -> None:
    """A number, a reference, or what citations and tools show of it."""
    assert place_of(ref) == place


@pytest.mark.parametrize("ref", ["", "x", "-1", "1.5", "True", "None", "agent-a3/", "١٢", "9" * 19])
def test_what_is_no_record_is_refused(ref: str) -> None:
    """In a line, however long it was."""
    with pytest.raises(ValueError, match="is no record"):
        place_of(ref)
    with pytest.raises(ValueError, match=r"^x{40} is no record"):
        place_of("x" * 10_000)


@pytest.mark.parametrize(
    ("first", "last", "expected"),
    [
        ("2", "4", ["2", "3", "4"]),
        ("4", None, ["4", "5"]),
        (None, "2", ["1", "2"]),
        ("agent-a3/4", None, ["agent-a3/4", "agent-a3/5"]),
        (None, "agent-a3/1", ["agent-a3/1"]),
        ("9", None, []),
        (None, None, [event.ref for event in EVENTS]),
    ],
)
def test_records_are_those_of_one_file(first: str | None, last: str | None, expected: list[str]) -> None:
    """Both ends are meant; the main file's and a subagent's stay apart, unless all is asked for."""
    assert [event.ref for event in between(EVENTS, first, last)] == expected


@pytest.mark.parametrize("text", ["1a2b3c4d", " [s:1a2b3c4d#12] ", "s:1a2b3c4d#12-15", "1a2b3c4d#agent-a3/1"])
def test_a_session_goes_by_what_shows_it(text: str) -> None:
    """The digits alone, or any citation of it."""
    assert digits_of(text) == "1a2b3c4d"
