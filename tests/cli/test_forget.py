"""`rlm-context forget` and `rollback`, as commands."""

import io
from pathlib import Path

import pytest

from tests.cli.helpers import rlm
from tests.cli.shapes import SHAPES, misfits
from tests.forget.words import found_in, session_id_of, word_of, write_words


@pytest.fixture
def shop(direct: Path, tmp_path: Path) -> Path:
    """Four sessions of two authors, compiled; the home."""
    for number in range(4):
        write_words(tmp_path / "source", number, author=("ann", "ben")[number % 2])
    assert rlm("compile", "--source", tmp_path / "source", "--project", "shop").code == 0
    return direct


def sessions() -> set[str]:
    return {one["session_id"] for one in rlm("sessions", "--json").document["sessions"]}


def test_a_session_is_forgotten(shop: Path) -> None:
    """Named by a citation's digits: gone from store and home, the others still there, and said so in JSON."""
    result = rlm("forget", session_id_of(1)[-8:], "--yes", "--json")
    assert result.code == 0, result.err
    assert not list(misfits(result.document, SHAPES["forget"]))
    (one,) = result.document["sessions"]
    assert (one["session_id"], one["author"], one["project"]) == (session_id_of(1), "ben", "shop")
    assert any(word_of(1) in line for line in one["lines"])
    assert result.document["removed"]["objects"] > 0
    assert found_in(shop, [word_of(1)]) == {}
    assert sessions() == {session_id_of(number) for number in (0, 2, 3)}
    assert word_of(0) in rlm("show").out


def test_all_of_an_author_is_forgotten(shop: Path) -> None:
    """Two sessions, and no other."""
    assert rlm("forget", "--author", "ben", "--project", "shop", "--yes").code == 0
    assert found_in(shop, [word_of(1), word_of(3)]) == {}
    assert sessions() == {session_id_of(0), session_id_of(2)}


def test_the_same_again_goes_on(shop: Path) -> None:
    """A session that was forgotten is still known by its id, so an interrupted command can be finished."""
    assert rlm("forget", session_id_of(1), "--yes").code == 0
    again = rlm("forget", session_id_of(1), "--yes", "--json")
    assert again.code == 0
    assert again.document["sessions"] == []
    assert again.document["removed"]["objects"] == 0


def test_a_dry_run_changes_nothing(shop: Path) -> None:
    """It shows the session and the lines of the brief that cite it."""
    store = sorted(path for path in (shop / "store").rglob("*"))
    result = rlm("forget", session_id_of(1), "--dry-run")
    assert result.code == 0
    assert session_id_of(1) in result.out
    assert word_of(1) in result.out
    shown = rlm("forget", session_id_of(1), "--dry-run", "--json").document
    assert not list(misfits(shown, SHAPES["forget"]))
    assert shown["removed"] is None
    assert sorted(path for path in (shop / "store").rglob("*")) == store


def test_nobody_is_asked_where_there_is_no_terminal(shop: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Without --yes it is wrong usage, and nothing goes."""
    monkeypatch.setattr("sys.stdin", io.StringIO("y\n"))
    result = rlm("forget", session_id_of(1))
    assert result.code == 2
    assert "--yes" in result.err
    assert session_id_of(1) in sessions()


@pytest.mark.parametrize("arguments", [(), ("1234", "--author", "ben")])
def test_what_is_meant_has_to_be_said_once(shop: Path, arguments: tuple[str, ...]) -> None:
    """Sessions or an author: neither, or both, is wrong usage."""
    assert rlm("forget", *arguments, "--yes").code == 2


@pytest.mark.parametrize("arguments", [("ffffffff",), ("--author", "nobody"), ("0000",)])
def test_what_nobody_has_cannot_be_forgotten(shop: Path, arguments: tuple[str, ...]) -> None:
    """Nor what too few digits stand for. One line says so, and nothing goes."""
    result = rlm("forget", *arguments, "--yes")
    assert result.code == 1
    assert " Next: " in result.last_line
    assert len(sessions()) == 4


def test_what_was_forgotten_is_refused(shop: Path, tmp_path: Path) -> None:
    """The next upload says which file is left out, and why."""
    assert rlm("forget", session_id_of(1), "--yes").code == 0
    result = rlm("compile", "--source", tmp_path / "source", "--project", "shop", "--json")
    assert result.code == 0
    (left_out,) = result.document["skipped"]
    assert session_id_of(1) in left_out["file"]
    assert "forgotten" in left_out["reason"]
    assert found_in(shop, [word_of(1)]) == {}


def test_a_rollback_lasts_until_the_next_compile(shop: Path, tmp_path: Path) -> None:
    """The earlier content is shown as the newest generation; then everything uploaded since comes back."""
    before = rlm("show", "--full").out
    write_words(tmp_path / "source", 5)
    assert rlm("compile", "--source", tmp_path / "source", "--project", "shop").code == 0
    after = rlm("show", "--full").out
    result = rlm("rollback", "--json")
    assert result.code == 0, result.err
    assert not list(misfits(result.document, SHAPES["rollback"]))
    assert result.document["to"] == 1
    assert result.document["left_out"] == [session_id_of(5)]
    assert rlm("show", "--full").out == before
    assert rlm("compile").code == 0
    assert rlm("show", "--full").out == after


def test_a_rollback_to_what_is_not_there_changes_nothing(shop: Path) -> None:
    """One line names the generations there are."""
    for arguments in ((), ("--to", "7")):
        result = rlm("rollback", *arguments)
        assert result.code == 1
        assert " Next: " in result.last_line
