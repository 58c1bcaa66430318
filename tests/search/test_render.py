"""What the terminal shows: who, when, where, and the words."""

from pathlib import Path

from search.filters import Filters
from search.query import Hit, search
from search.render import day_of, digits, render


def _hit(session: str = "0190aaaa-bbbb-cccc-dddd-eeee12345678", seq: str = "7", **changes: object) -> Hit:
    values: dict[str, object] = {
        "session_id": session,
        "from_seq": seq,
        "to_seq": seq,
        "author": "ada",
        "project": "kiln",
        "agent": "claude-code",
        "time": 1_767_600_000_000,
        "voice": "human",
        "score": 1.0,
        "snippet": "keep the wall clock",
    }
    return Hit(**{**values, **changes})  # type: ignore[arg-type]


def test_a_hit_is_cited() -> None:
    """Author and day stand above, the citation and the voice before the words."""
    assert render([_hit()]) == "ada · 2026-01-05\n[s:12345678#7] human: keep the wall clock"


def test_hits_of_a_session_stand_together() -> None:
    """One header a session, sessions in the order of their best hit."""
    hits = [_hit(seq="9"), _hit("other-session-87654321", "1", author="grace"), _hit(seq="2", to_seq="4")]
    assert [line.split(" ")[0] for line in render(hits).splitlines()] == [
        "ada",
        "[s:12345678#9]",
        "[s:12345678#2-4]",
        "",
        "grace",
        "[s:87654321#1]",
    ]


def test_projects_are_named_only_where_there_are_several() -> None:
    """With hits of two projects, each block says which it is."""
    assert "kiln" not in render([_hit()])
    assert "· wheel" in render([_hit(), _hit("s-2", project="wheel")])


def test_longer_digits_where_eight_are_not_unique() -> None:
    """The caller says which sessions need more digits."""
    hit = _hit()
    assert "[s:eeee12345678#7]" in render([hit], {hit.session_id: "eeee12345678"})


def test_times_out_of_range_are_undated() -> None:
    """A broken clock in a transcript stops no output."""
    assert day_of(0) == day_of(10**18) == "undated"


def test_digits_of_any_session_id() -> None:
    """Ids that are no UUIDs have digits too."""
    assert digits("abc") == "abc"


def test_nothing_found_prints_nothing(pottery: Path) -> None:
    """No hits, no text."""
    assert render(search([pottery], "zzzz", Filters(), 5)) == ""
