"""What sessions were told: noted whole, and nothing twice."""

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rlm_context.hooks.brief.envelope import marks
from rlm_context.hooks.brief.local import LocalBrief
from rlm_context.hooks.brief.told import Told, read_told, told_file, write_told


def brief(number: int, lines: set[int]) -> LocalBrief:
    made = LocalBrief.__new__(LocalBrief)
    made.project, made.generation, made.number = "p", f"{number:010d}-abcdef01", number
    made.created, made.sessions, made.newest = 0, 5, "x"
    made.text = "## Summary\n" + "".join(f"- line {line}\n" for line in sorted(lines))
    return made


def said(text: str) -> set[str]:
    return {line for line in text.split("\n") if line.startswith("- ")}


@pytest.fixture(scope="module")
def note(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return Path(told_file(str(tmp_path_factory.mktemp("home")), "s"))


GENERATIONS = st.lists(st.sets(st.integers(0, 30), min_size=1), min_size=1, max_size=6)


@given(st.data(), GENERATIONS)
def test_every_line_is_told_once(note: Path, data: st.DataObject, generations: list[set[int]]) -> None:
    """Whichever generations a session meets, by a hook that the agent waits for or not, and through the file."""
    write_told(str(note), Told([]))
    heard: list[str] = []
    for number, lines in enumerate(generations, 1):
        told = read_told(str(note))
        newest = brief(number, lines)
        heard += said(told.news(newest))
        write_told(str(note), told.after(newest, data.draw(st.sampled_from([0, 7]))))
        assert read_told(str(note)).news(newest) == ""
        assert said(newest.text) <= set(heard)
    assert len(heard) == len(set(heard))


@given(GENERATIONS, st.sets(st.integers(1, 6)))
def test_what_did_not_arrive_is_told_again(generations: list[set[int]], arrived: set[int]) -> None:
    """Only what was told asynchronously before the time asked for is doubted; the rest is taken as read."""
    told = Told([])
    for number, lines in enumerate(generations, 1):
        told = told.after(brief(number, lines), when=number)
    kept = told.arrived(lambda generation: int(generation[:10]) in arrived, before=len(generations))
    numbers = [int(one.generation[:10]) for one in kept.tellings]
    assert numbers == [
        number for number in range(1, len(generations) + 1) if number in arrived or number == len(generations)
    ]
    waited_for = Told([]).after(brief(1, {1, 2}))
    assert waited_for.arrived(lambda _: False, before=10).tellings == waited_for.tellings
    assert marks(brief(1, {1, 2})) == waited_for.tellings[0].marks


def test_damaged_lines_are_passed_over(tmp_path: Path) -> None:
    """What cannot be read was not told: rather twice than never."""
    path = tmp_path / "note"
    path.write_bytes(b"\xff\n\n0000000001-abcdef01\n0000000002-abcdef01 x 00\n0000000003-abcdef01 5 0a 0b")
    (only,) = read_told(str(path)).tellings
    assert (only.generation, only.when, only.marks) == ("0000000003-abcdef01", 5, {"0a", "0b"})
