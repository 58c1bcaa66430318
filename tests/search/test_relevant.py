"""Passages that nobody asked for: there when an earlier session is about the same, else none."""

import random
from collections.abc import Callable, Sequence
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from data_models.errors import DamagedError
from search.build import assemble, build_segment
from search.document import Document
from search.query import Hit
from search.relevant import clearly_relevant
from tests.search.samples import CONES, GLAZE, Line, documents

PROMPT = (
    "After midnight the ramp of the kiln starts again, I think nextSegment compares wall clock times. "
    "Mend the drift."
)
FOUND = "11111111-aaaa"
DAILY = (
    "kiln tests branch commit change review build page table check report update failing error message file line "
    "folder config setting command option output script version release docs comment function module"
)


def every_day(sessions: int) -> list[Document]:
    """Sessions of one project's daily words, none about anything in particular."""
    chance = random.Random(7)
    found: list[Document] = []
    for number in range(sessions):
        lines: list[Line] = [("prompt", " ".join(chance.choices(DAILY.split(), k=12))) for _ in range(4)]
        lines += [
            ("text", " ".join(chance.choices(DAILY.split(), k=30)) + f" item{number}x{line}.")
            for line in range(8)
        ]
        found += documents(f"{number:08x}-every-day", lines)
    return found


def never(_hit: Hit) -> bool:
    return False


@pytest.fixture(scope="module")
def indexed(tmp_path_factory: pytest.TempPathFactory) -> Callable[..., Path]:
    """An index of every-day sessions and of those given."""

    def make(*sessions: Sequence[Document]) -> Path:
        folder = tmp_path_factory.mktemp("relevant") / "index"
        assemble([build_segment([*every_day(60), *(one for found in sessions for one in found)])], {}, folder)
        return folder

    return make


@pytest.fixture(scope="module")
def kiln(indexed: Callable[..., Path]) -> Path:
    """One session about the prompt, one about something else."""
    return indexed(documents(FOUND, GLAZE), documents("22222222-bbbb", CONES, author="grace"))


def test_the_session_about_it_is_found(kiln: Path) -> None:
    """What its assistant found out, with where it stands; the session about something else is not there."""
    (hit,) = clearly_relevant(kiln, PROMPT, 3, never)
    assert (hit.session_id, hit.author, hit.voice) == (FOUND, "ada", "assistant")
    assert hit.from_seq in ("4", "6")
    assert "monotonic duration" in hit.snippet


@pytest.mark.parametrize(
    "prompt",
    [
        "can you check the failing tests of this branch and commit the change after review",
        "update the report table on the page",
        DAILY,
        "please rewrite the onboarding mail for gallery owners in a friendlier voice",
        "yes",
        "",
        "the of why",
        "https://git.example.com/kiln/kiln/pull/7731",
        "😀 \ud800 \0",
    ],
)
def test_nothing_where_nothing_is_clearly_relevant(kiln: Path, prompt: str) -> None:
    """Daily words, another subject, a bare address, no word at all."""
    assert clearly_relevant(kiln, prompt, 3, never) == []


def test_addresses_of_one_host_are_no_reason(indexed: Callable[..., Path]) -> None:
    """Two pull requests share their host's words and nothing else."""
    lines: list[Line] = [
        ("prompt", "review https://git.example.com/acme/tide/pull/6"),
        ("text", "Reviewed https://git.example.com/acme/tide/pull/6: no remarks."),
    ]
    folder = indexed(documents("33333333-cccc", lines))
    assert (
        clearly_relevant(folder, "let us go over https://git.example.com/acme/tide/pull/88", 3, never) == []
    )


def test_what_only_people_or_tools_said_is_not_shown(indexed: Callable[..., Path]) -> None:
    """The same question asked before, without an answer, tells nothing."""
    words = "Operators telephoned: since midnight the ramp starts again, nextSegment and wall clock times drift apart."
    asked: list[Line] = [("prompt", words), ("tool_use", words), ("tool_result", words)]
    assert clearly_relevant(indexed(documents("33333333-cccc", asked)), PROMPT, 3, never) == []
    said: list[Line] = [("prompt", "go"), ("text", words)]
    assert clearly_relevant(indexed(documents("33333333-cccc", said)), PROMPT, 3, never)


def test_a_long_prompt_needs_more_in_common(kiln: Path) -> None:
    """It has some words in common with everything: what counts is their share of it."""
    other = " ".join(f"subject{number}" for number in range(40))
    assert clearly_relevant(kiln, f"{PROMPT} {other}", 3, never) == []


def test_what_repeats_the_prompt_is_not_shown(indexed: Callable[..., Path]) -> None:
    """An assistant that only said it again tells nothing new."""
    echoed: list[Line] = [("prompt", "go"), ("text", PROMPT), ("text", "Shall I?")]
    assert clearly_relevant(indexed(documents("33333333-cccc", echoed)), PROMPT, 3, never) == []


def test_one_passage_of_a_session_and_copies_once(indexed: Callable[..., Path]) -> None:
    """A fork holds the same messages: they are shown once; the limit holds."""
    copies = [documents(f"{number}1111111-fork", GLAZE) for number in range(4)]
    assert len(clearly_relevant(indexed(*copies), PROMPT, 3, never)) == 1


def test_the_limit_holds(indexed: Callable[..., Path]) -> None:
    """Sessions that say different things about it: as many as asked for, best first."""
    said = [
        "nextSegment compares wall clock times, so the ramp starts again after midnight. Oven two suffers most: its "
        "schedule is long, and whoever fires porcelain there loses a whole batch.",
        "The drift after midnight is mended: nextSegment takes durations instead of wall clock times, and a regression "
        "suite runs each ramp twice over new year's eve.",
        "Midnight again: the ramp drift is back, because nextSegment's wall clock comparison ignores summer time; "
        "sensors in Lisbon and Riga showed it first, then operators telephoned.",
    ]
    sessions = [
        documents(f"{n}4444444-dddd", [("prompt", "go"), ("text", text)]) for n, text in enumerate(said)
    ]
    folder = indexed(*sessions)
    hits = clearly_relevant(folder, PROMPT, 3, never)
    assert len(hits) == 3
    assert [hit.score for hit in hits] == sorted((hit.score for hit in hits), reverse=True)
    assert len(clearly_relevant(folder, PROMPT, 2, never)) == 2


def test_what_is_to_be_skipped_is_skipped(kiln: Path) -> None:
    """A session, or one message, after which the session's next best may stand in."""
    assert clearly_relevant(kiln, PROMPT, 3, lambda hit: hit.session_id == FOUND) == []
    (first,) = clearly_relevant(kiln, PROMPT, 3, never)
    others = clearly_relevant(kiln, PROMPT, 3, lambda hit: hit.from_seq == first.from_seq)
    assert all(hit.from_seq != first.from_seq for hit in others)


def test_an_index_of_any_size(tmp_path: Path) -> None:
    """No folder holds nothing, and so does an empty index; a damaged one is said."""
    assert clearly_relevant(tmp_path / "none", PROMPT, 3, never) == []
    assemble([], {}, tmp_path / "empty")
    assert clearly_relevant(tmp_path / "empty", PROMPT, 3, never) == []
    (tmp_path / "empty" / "meta.json").write_text("{}")
    with pytest.raises(DamagedError):
        clearly_relevant(tmp_path / "empty", PROMPT, 3, never)


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.text(max_size=300))
def test_any_text_is_a_prompt(kiln: Path, text: str) -> None:
    """None raises; what is found shares words with it."""
    assert len(clearly_relevant(kiln, text, 3, never)) <= 1
