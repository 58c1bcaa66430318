"""From a path to its sessions: every layout, and nothing that is no session."""

import json
import shutil
from pathlib import Path

import pytest

from data_models.errors import SourceError
from transcripts.sources import default_sources, find_sessions

from .conftest import FIXTURES

SLUG = "-home-ada-kiln"
ID = "5f0c1d2e-0000-4000-8000-0000000000aa"
CLAUDE = FIXTURES / "claude"
CODEX = FIXTURES / "codex"


def write_session(path: Path, session_id: str | None = None, **more: object) -> None:
    """A transcript of one prompt."""
    path.parent.mkdir(parents=True, exist_ok=True)
    record = {"type": "user", "uuid": "u", "message": {"role": "user", "content": "hello"}, **more}
    path.write_text(json.dumps(record | ({"sessionId": session_id} if session_id else {})) + "\n")


@pytest.mark.parametrize(
    "source",
    [CLAUDE, CLAUDE / "projects", CLAUDE / "projects" / SLUG, CLAUDE / "projects" / SLUG / f"{ID}.jsonl"],
    ids=["config folder", "projects", "slug folder", "one file"],
)
def test_claude_layouts(source: Path) -> None:
    """A Claude Code session is found with its parts from each of its folders, without an author."""
    (session,) = find_sessions(source).sessions
    assert (session.agent, session.session_id, session.author) == ("claude-code", ID, "")
    assert [(part.kind, part.name) for part in session.parts] == [
        ("subagent", "a1b2c3d4e5f6a7b8c"),
        ("tool-result", "b01.txt"),
        ("tool-result", "b02.txt"),
    ]


@pytest.mark.parametrize("below", ["", "sessions", "sessions/2026/03/04"])
def test_codex_layouts(below: str) -> None:
    """A Codex session is found from its home down, and a spawned agent's rollout is a part of it."""
    (session,) = find_sessions(CODEX / below).sessions
    assert (session.agent, session.session_id) == ("codex", "019f0000-1111-7222-8333-444455556666")
    assert [part.kind for part in session.parts] == ["subagent"]


@pytest.mark.parametrize("above", ["", "team"])
def test_a_folder_of_authors(tmp_path: Path, above: str) -> None:
    """The folder that holds an agent's folder names the author, also one level further down."""
    shutil.copytree(CLAUDE, tmp_path / above / "ada")
    shutil.copytree(CODEX, tmp_path / above / "bo")
    write_session(tmp_path / above / "cy" / "one.jsonl", ID)
    found = find_sessions(tmp_path)
    assert {(session.author, session.agent) for session in found.sessions} == {
        ("ada", "claude-code"),
        ("bo", "codex"),
        ("cy", "claude-code"),
    }


def test_session_id_from_inside(tmp_path: Path) -> None:
    """A file whose name is no UUID has the session id that most of its records name, else its stem."""
    write_session(tmp_path / "fork.jsonl", "one")
    with (tmp_path / "fork.jsonl").open("a") as file:
        file.writelines('{"type":"user","sessionId":"two"}\n' for _ in range(2))
    write_session(tmp_path / "plain.jsonl")
    assert {session.session_id for session in find_sessions(tmp_path).sessions} == {"two", "plain"}


def test_a_session_id_inside_is_not_trusted(tmp_path: Path) -> None:
    """An id that could be a path is not taken for the session's."""
    write_session(tmp_path / "odd.jsonl", "../../etc")
    assert [session.session_id for session in find_sessions(tmp_path).sessions] == ["odd"]


def test_subagent_files_are_never_sessions(tmp_path: Path) -> None:
    """A subagent's file beside a session is a part of it; one without its session is named as skipped."""
    projects = tmp_path / "projects" / SLUG
    write_session(projects / f"{ID}.jsonl", ID)
    write_session(projects / "agent-ab12.jsonl", ID, isSidechain=True)
    write_session(projects / "agent-cd34.jsonl", "gone", isSidechain=True)
    write_session(projects / "deadbeef" / "subagents" / "agent-ef56.jsonl", "gone")
    found = find_sessions(tmp_path)
    (session,) = found.sessions
    assert [part.name for part in session.parts] == ["ab12"]
    assert sorted(Path(reject.file).name for reject in found.skipped) == ["agent-cd34.jsonl", "deadbeef"]


def test_other_json_is_skipped_by_name(tmp_path: Path) -> None:
    """A folder of other JSON gives no session and says of each file why."""
    (tmp_path / "package.json").write_text("{}")
    (tmp_path / "rows.jsonl").write_text('{"a": 1}\n' * 3)
    (tmp_path / "empty.jsonl").write_text("")
    (tmp_path / "link.jsonl").symlink_to(tmp_path / "rows.jsonl")
    (tmp_path / "notes.txt").write_text("hello")
    found = find_sessions(tmp_path)
    assert found.sessions == ()
    assert {(Path(reject.file).name, reject.reason) for reject in found.skipped} == {
        ("package.json", "not a transcript"),
        ("rows.jsonl", "not a transcript"),
        ("empty.jsonl", "empty"),
        ("link.jsonl", "a link, not a file"),
    }


def test_a_file_that_is_no_transcript(tmp_path: Path) -> None:
    """A single file of other content is skipped with a reason."""
    (tmp_path / "notes.txt").write_text("hello")
    assert [reject.reason for reject in find_sessions(tmp_path / "notes.txt").skipped] == [
        "not a .jsonl file"
    ]


@pytest.mark.parametrize("name", ["missing", "empty"])
def test_nothing_there_is_an_error(tmp_path: Path, name: str) -> None:
    """A missing or empty source is an error with a next command."""
    (tmp_path / "empty" / "projects").mkdir(parents=True)
    with pytest.raises(SourceError) as caught:
        find_sessions(tmp_path / name)
    assert caught.value.next_command


def test_the_same_session_twice(tmp_path: Path) -> None:
    """Of two files of one author with one session id the larger is taken, and the other is named."""
    write_session(tmp_path / "projects" / "-a" / f"{ID}.jsonl", ID)
    write_session(tmp_path / "projects" / "-b" / f"{ID}.jsonl", ID, slug="a longer record")
    found = find_sessions(tmp_path)
    assert [session.main.parent.name for session in found.sessions] == ["-b"]
    assert "the same session" in found.skipped[0].reason


def test_default_sources(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Only folders that exist are default sources, and both hosts' own variables move them."""
    assert default_sources() == []
    (home / ".claude" / "projects").mkdir(parents=True)
    (home / "elsewhere" / "sessions").mkdir(parents=True)
    monkeypatch.setenv("CODEX_HOME", str(home / "elsewhere"))
    assert default_sources() == [home / ".claude" / "projects", home / "elsewhere" / "sessions"]


def test_agents_own_folders_name_no_author(tmp_path: Path) -> None:
    """<author>/.claude/projects and <author>/codex/projects belong to <author>, not to "codex"."""
    for number, folder in enumerate(("ann/.claude/projects", "ann/codex/projects", "ben/projects")):
        write_session(tmp_path / folder / SLUG / f"{ID[:-1]}{number}.jsonl")
    assert sorted(session.author for session in find_sessions(tmp_path).sessions) == ["ann", "ann", "ben"]


def test_a_codex_session_without_a_word_is_none(tmp_path: Path) -> None:
    """What Codex leaves where its user left at once is passed over by name, in a folder and alone."""
    day = tmp_path / "sessions" / "2026" / "03" / "04"
    day.mkdir(parents=True)
    (said,) = find_sessions(CODEX).sessions
    silent = day / "rollout-2026-03-04T13-00-00-019f0000-1111-7222-8333-00000000cccc.jsonl"
    silent.write_text(said.main.read_text().partition("\n")[0] + "\n")
    for place in (tmp_path, silent):
        found = find_sessions(place)
        assert found.sessions == ()
        assert [reject.file for reject in found.skipped] == [str(silent)]
