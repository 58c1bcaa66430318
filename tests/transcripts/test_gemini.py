"""Gemini CLI's files: where they are, what of them is a session, and what reading them again gives."""

import json
import shutil
from pathlib import Path
from typing import Any

import pytest

from data_models.events import Event
from transcripts.events import read_events
from transcripts.gemini import GeminiCli
from transcripts.lines import first_records
from transcripts.sources import default_sources, find_sessions

from .conftest import FIXTURES, Session

GEMINI = FIXTURES / "gemini"
CHATS = GEMINI / "tmp" / "kiln" / "chats"
ID = "7d3c1a52-0000-4000-8000-0000000000aa"
MAIN = CHATS / f"session-2026-03-04T12-00-{ID[:8]}.jsonl"


def message(number: int, kind: str, *texts: str, **more: Any) -> dict[str, Any]:
    """A message of the given texts, one a part."""
    uuid = f"00000000-0000-4000-8000-{number:012x}"
    return {"id": uuid, "type": kind, "content": [{"text": text} for text in texts], **more}


@pytest.fixture
def session(tmp_path: Path) -> Session:
    """A session of Gemini CLI to fill."""
    return Session(tmp_path, GeminiCli.name)


def said(events: list[Event]) -> list[tuple[str, str]]:
    """Kind and text of each event."""
    return [(event.kind, event.text) for event in events]


@pytest.mark.parametrize("below", ["", "tmp", "tmp/kiln", "tmp/kiln/chats"])
def test_layouts(below: str) -> None:
    """A session is found from the host's folder down, with what its subagent did as a part of it."""
    (files,) = find_sessions(GEMINI / below).sessions
    assert (files.agent, files.session_id, files.main) == ("gemini-cli", ID, MAIN)
    assert [(part.kind, part.name) for part in files.parts] == [
        ("subagent", "c0ffee00-0000-4000-8000-0000000000bb")
    ]


def test_one_file_tells_its_id() -> None:
    """A file given by itself has the whole id, of which its name holds eight digits."""
    (files,) = find_sessions(MAIN).sessions
    assert (files.agent, files.session_id) == ("gemini-cli", ID)


def test_what_is_no_session_is_said() -> None:
    """What a resume leaves behind, and a document of an older version, are left out with their reasons."""
    reasons = {Path(reject.file).name: reject.reason for reject in find_sessions(GEMINI).skipped}
    assert reasons == {
        f"session-2026-03-04T13-00-{ID[:8]}.jsonl": "a session that was closed before anything was said",
        "session-2025-06-01T09-00-0a0b0c0d.json": (
            "written by an older Gemini CLI, as one document; resuming the session rewrites it"
        ),
    }


def test_a_subagent_without_its_session_is_said(tmp_path: Path) -> None:
    """The files of a subagent whose session was deleted are not a session of their own."""
    shutil.copytree(GEMINI, tmp_path / "gemini")
    (tmp_path / "gemini" / MAIN.relative_to(GEMINI)).unlink()
    found = find_sessions(tmp_path / "gemini")
    assert found.sessions == ()
    assert "a subagent's file whose session is not here" in {reject.reason for reject in found.skipped}


@pytest.mark.parametrize("hostile", ["../../elsewhere", "", "a" * 200, 7])
def test_an_id_that_is_none_is_not_taken(tmp_path: Path, hostile: object) -> None:
    """What a file says of its id becomes part of names in a store, so it must look like one."""
    chats = tmp_path / "chats"
    chats.mkdir()
    lines = ({"sessionId": hostile, "projectHash": "ab"}, message(1, "user", "hello"))
    path = chats / "session-2026-03-04T12-00-00000000.jsonl"
    path.write_text("".join(json.dumps(line) + "\n" for line in lines))
    found = find_sessions(chats)
    assert found.sessions == ()
    assert [reject.reason for reject in found.skipped] == ["no Gemini CLI session in it, or not readable"]


def test_an_author_s_folder_holds_the_host_s(tmp_path: Path) -> None:
    """The folder `.gemini` names nobody; the one above it is the author."""
    shutil.copytree(GEMINI, tmp_path / "ada" / ".gemini")
    (files,) = find_sessions(tmp_path).sessions
    assert files.author == "ada"


def test_the_host_s_own_folder_is_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Sessions are looked for in `~/.gemini/tmp`, or where GEMINI_CLI_HOME moves it."""
    monkeypatch.delenv("GEMINI_CLI_HOME", raising=False)
    usual = Path.home() / ".gemini" / "tmp"
    assert GeminiCli().default_folders() == [usual]
    monkeypatch.setenv("GEMINI_CLI_HOME", str(tmp_path / "moved"))
    shutil.copytree(GEMINI, tmp_path / "moved" / ".gemini")
    assert tmp_path / "moved" / ".gemini" / "tmp" in default_sources()


def test_the_folder_is_known_from_the_first_records(session: Session) -> None:
    """Raw or slim, a session's first records say where it ran: the first of the workspace's folders."""
    folders = [GeminiCli().facts(record).cwd for record in first_records(MAIN)]
    assert next(filter(None, folders)) == "/home/ada/kiln"
    slim = session.slim(MAIN.read_bytes())
    assert slim.cwd == "/home/ada/kiln"
    assert {event.cwd for event in read_events(slim.blob)[0]} == {"/home/ada/kiln"}


def test_a_longer_file_keeps_what_was_read(session: Session) -> None:
    """Wherever the file ended when it was read, the same events come first when it has grown, at the same seqs."""
    lines = MAIN.read_bytes().splitlines(keepends=True)
    whole, _ = read_events(session.slim(b"".join(lines)).blob)
    for end in range(1, len(lines)):
        part, _ = read_events(session.slim(b"".join(lines[:end])).blob)
        assert part == whole[: len(part)]


def test_a_message_written_again_adds_only_what_is_new(session: Session) -> None:
    """The host appends a message once more for each of its calls; neither its words nor earlier calls repeat."""

    def call(number: int) -> dict[str, Any]:
        return {"id": f"c{number}", "name": "read_file", "args": {}, "result": "read", "status": "success"}

    tokens = {"input": 100, "output": 5, "cached": 40, "thoughts": 2}
    events, _ = session.read(
        message(1, "gemini", "Looking.", tokens=tokens),
        message(1, "gemini", "Looking.", tokens=tokens, toolCalls=[call(1)]),
        message(1, "gemini", "Looking.", tokens=tokens, toolCalls=[call(1), call(2)]),
    )
    assert [(event.seq, event.kind, event.tool_use_id) for event in events] == [
        (1, "text", None),
        (2, "tool_use", "c1"),
        (2, "tool_result", "c1"),
        (3, "tool_use", "c2"),
        (3, "tool_result", "c2"),
    ]
    assert [event.input_tokens for event in events] == [60, None, None, None, None]
    assert events[0].output_tokens == 7


def test_a_resumed_history_says_nothing_twice(session: Session) -> None:
    """The whole history stands once more in the file after a resume, also under new ids after a compaction."""
    words = [message(1, "user", "Why 1060?"), message(2, "gemini", "Cone 04 needs it.")]
    again = [message(3, "user", "Why 1060?"), message(4, "gemini", "Cone 04 needs it.")]
    events, _ = session.read(*words, {"$set": {"messages": words}}, {"$set": {"messages": again}})
    assert said(events) == [("prompt", "Why 1060?"), ("text", "Cone 04 needs it.")]


def test_a_history_of_nothing_is_none(session: Session) -> None:
    """A conversation that was cleared is written down as a history without a message."""
    assert session.read({"$set": {"messages": []}}) == ([], [])


def test_a_prompt_typed_twice_is_two_prompts(session: Session) -> None:
    """Only the host's own repetition is left out."""
    events, _ = session.read(message(1, "user", "go on"), message(2, "user", "go on"))
    assert said(events) == [("prompt", "go on"), ("prompt", "go on")]


def test_words_in_the_user_s_name_are_the_host_s(session: Session) -> None:
    """The host tells its model to go on and shows the prompt again with it; a person may say the same words."""
    shown = [{"text": "Fire it."}]
    events, _ = session.read(
        message(1, "user", "Fire it."),
        message(2, "user", "Please continue.", displayContent=shown),
        message(3, "user", "Please continue."),
    )
    assert said(events) == [
        ("prompt", "Fire it."),
        ("context", "Please continue."),
        ("prompt", "Please continue."),
    ]
