"""Any name is a name: of projects, authors, titles, folders."""

import json
from pathlib import Path

import pytest

from tests.cli.helpers import rlm
from tests.synthetic import write_team

NAMES = ["наш проект / x", "..", ".", "-", "--full", "a/../b", "con", "UPPER", "ß", "😀", " x ", "%2e", "~", "x" * 300,
         "line\nbreak", "[bold]", "it's"]  # fmt: skip


@pytest.mark.parametrize("name", NAMES)
def test_any_project_name(name: str, direct: Path, home: Path, tmp_path: Path) -> None:
    """Compiled, shown, searched, listed, exported and looked at under the name given; nothing leaves its folder."""
    source = write_team(home / "team", 1)
    assert rlm("compile", "--source", source, f"--project={name}").code == 0
    chosen = f"--project={name}"
    assert rlm("show", "--format", "json", chosen).document["projects"][0]["project"] == name
    assert rlm("status", "--json").document["projects"][0]["project"] == name
    hits = rlm("search", "--json", "module", chosen).document["hits"]
    assert {hit["project"] for hit in hits} == {name}
    written = rlm("export", "--json", tmp_path / "out", chosen).document["projects"][0]["folder"]
    assert Path(written).parent == tmp_path / "out"
    assert rlm("doctor").code == 0
    assert {path.name for path in home.iterdir()} == {"team", "rlm-context"}


def test_an_empty_project_name_is_none(direct: Path, home: Path) -> None:
    """`--project ''` is as good as no --project: the sessions keep their own."""
    result = rlm("compile", "--json", "--source", write_team(home / "team", 1), "--project", "")
    assert [project["project"] for project in result.document["projects"]] == ["src/shop"]


@pytest.mark.parametrize("author", ["Зоя Ли", "o'brien", "a b", "[red]x", "名前"])
def test_any_author(author: str, direct: Path, home: Path) -> None:
    """The folder's name is the author's, and filters by it work."""
    source = write_team(home / "team", 1, authors=(author,))
    assert rlm("compile", "--source", source, "--project", "p").code == 0
    assert rlm("search", "--json", "module", "--author", author).document["hits"][0]["author"] == author
    assert author in rlm("sessions", "--author", author).out


def test_any_title(direct: Path, home: Path) -> None:
    """Control characters and line breaks of a title never reach the table; wide letters keep its columns."""
    source = write_team(home / "team", 1)
    (session,) = source.rglob("*.jsonl")
    title = "日本語\n[bold]\x1b[31mred\x07 \u202etitle"
    record = {"type": "custom-title", "customTitle": title, "sessionId": session.stem}
    session.write_text(session.read_text() + json.dumps(record) + "\n", encoding="utf-8")
    assert rlm("compile", "--source", source, "--project", "p").code == 0
    out = rlm("sessions").out
    assert len(out.splitlines()) == 2
    assert "\u202e" not in out
    assert not any(ord(char) < 32 for char in out.replace("\n", ""))


def test_a_transcript_cannot_steer_the_terminal(direct: Path, home: Path) -> None:
    """Escape sequences in what was said never reach a terminal; JSON holds them escaped."""
    source = write_team(home / "team", 1)
    (session,) = source.rglob("*.jsonl")
    first, _, rest = session.read_text().partition("\n")
    record = json.loads(first)
    record["message"]["content"] = "Rename the metrics queue \x1b]0;owned\x07\x9b2J module please"
    session.write_text(json.dumps(record) + "\n" + rest, encoding="utf-8")
    assert rlm("compile", "--source", source, "--project", "p").code == 0
    for command in (
        ["show", "--full"],
        ["search", "metrics queue"],
        ["session", session.stem],
        ["why", "metrics"],
    ):
        out = rlm(*command).out
        assert not {"\x1b", "\x07", "\x9b"} & set(out)
