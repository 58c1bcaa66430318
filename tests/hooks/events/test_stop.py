"""Stop: a note of what the session works on, where somebody may read it; nothing else leaves a trace."""

import json
import os
import subprocess
import sys
import time
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rlm_context.hooks import detach
from rlm_context.hooks.events.stop import stop
from rlm_context.hooks.notes.changed_files import changed_files
from rlm_context.hooks.notes.own import OwnNote, exchanged_file, read_own, write_own
from rlm_context.hooks.running import mark_running, unmark
from tests.hooks.helpers import REMOTE, ROOT, event, hook, session_id


@pytest.fixture
def started(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The workers that the hook started."""
    modules: list[str] = []
    monkeypatch.setattr(detach, "start_worker", lambda home, module: modules.append(module))
    return modules


@pytest.fixture
def place(home: Path, checkout: Path, monkeypatch: pytest.MonkeyPatch, started: list[str]) -> Path:
    """The home of a user whose session 1 runs, whose store is a team's, and who shares the checkout's project."""
    folder = home / "rlm-context"
    mark_running(str(folder), session_id(1))
    (folder / "shared-projects.txt").write_text(f"{REMOTE}\n")
    (checkout / ".git" / "HEAD").write_text("ref: refs/heads/spring-tides\n")
    monkeypatch.setenv("RLM_CONTEXT_STORE", str(home / "team"))
    return folder


def path_of(home: Path) -> Path:
    return home / ".claude" / "projects" / "-src-tide" / f"{session_id(1)}.jsonl"


def edits(home: Path, *files: object, tool: str = "Edit") -> None:
    """The agent changes files: records at the end of the transcript of session 1."""
    path = path_of(home)
    path.parent.mkdir(parents=True, exist_ok=True)
    blocks = [{"type": "tool_use", "name": tool, "input": {"file_path": str(file)}} for file in files]
    with path.open("a") as file:
        file.write(
            json.dumps({"type": "assistant", "message": {"content": blocks}}, separators=(",", ":")) + "\n"
        )


def noted(place: Path) -> OwnNote | None:
    return read_own(str(place), session_id(1))


def test_a_note_says_branch_files_and_since_when(home: Path, checkout: Path, place: Path) -> None:
    """Files below the repository, the last first, each once; what was only read, or lies elsewhere, is not there."""
    edits(home, checkout / "a.py", checkout / "b.py", checkout / "a.py", home / "secrets.txt")
    edits(home, checkout / "read.py", tool="Read")
    before = int(time.time() * 1000)
    assert stop(event(1, checkout, home)) == ""
    note = noted(place)
    assert note
    assert (note.cwd, note.branch, note.files) == (str(checkout), "spring-tides", ["a.py", "b.py"])
    assert note.since <= note.last
    assert before <= note.last <= time.time() * 1000
    (file,) = (place / "hooks" / "notes").iterdir()
    assert file.stat().st_mode & 0o077 == 0


def test_the_next_stop_reads_what_is_new(home: Path, checkout: Path, place: Path) -> None:
    """Files add up, the folder stays that of the first note, and a half line waits for its end."""
    edits(home, checkout / "a.py")
    stop(event(1, checkout, home))
    first = noted(place)
    path_of(home).write_bytes(
        b" " * (path_of(home).stat().st_size - 1) + b"\n"
    )  # what was read is not read again
    edits(home, checkout / "b.py")
    with path_of(home).open("a") as file:
        file.write('{"type":"assistant"')
    stop(event(1, home, home))
    note = noted(place)
    assert first
    assert note
    assert (note.files, note.cwd, note.since) == (["b.py", "a.py"], str(checkout), first.since)
    assert note.offset == path_of(home).stat().st_size - len('{"type":"assistant"')


def test_a_patch_of_codex_names_its_files(home: Path, checkout: Path, place: Path) -> None:
    """Also within a shell call's arguments, relative to the folder it ran in; a prompt that shows a patch is none."""
    patch = "*** Begin Patch\n*** Update File: src/a.py\n@@\n*** Add File: b.py\n*** End Patch"
    calls = [
        {"type": "custom_tool_call", "name": "apply_patch", "input": patch},
        {
            "type": "function_call",
            "arguments": json.dumps({"command": ["apply_patch", patch.replace("src/a", "c")]}),
        },
        {"type": "message", "content": [{"text": patch.replace("b.py", "d.py")}]},
    ]
    path_of(home).parent.mkdir(parents=True)
    lines = [json.dumps({"type": "response_item", "payload": call}) for call in calls]
    path_of(home).write_text("\n".join(lines) + "\n")
    stop(event(1, checkout, home))
    note = noted(place)
    assert note
    assert note.files == ["b.py", "c.py", "src/a.py"]


@pytest.mark.parametrize(
    "reason", ["private", "ignored", "unlisted", "local store", "explicit local store", "off", "ended"]
)
def test_nothing_is_noted_where_nobody_may_know(
    reason: str, home: Path, checkout: Path, place: Path, started: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """No note, and no worker."""
    edits(home, checkout / "a.py")
    if reason == "private":
        (place / "private-sessions.txt").write_text(session_id(1))
    elif reason == "ignored":
        (home / ".rlm-context-ignore").touch()
    elif reason == "unlisted":
        (place / "shared-projects.txt").write_text("git.example.com/acme/other\n")
    elif reason == "local store":
        monkeypatch.delenv("RLM_CONTEXT_STORE")
    elif reason == "explicit local store":
        monkeypatch.setenv("RLM_CONTEXT_STORE", str(place / "store"))
    elif reason == "off":
        (place / "config.toml").write_text("notes = false\n")
    else:
        unmark(str(place), session_id(1))
    stop(event(1, checkout, home))
    assert noted(place) is None
    assert started == []


def test_what_became_private_is_taken_back(
    home: Path, checkout: Path, place: Path, started: list[str]
) -> None:
    """The note stays as it was, and a worker is started that removes it."""
    edits(home, checkout / "a.py")
    stop(event(1, checkout, home))
    os.utime(exchanged_file(str(place)), (1, 1))
    (place / "private-sessions.txt").write_text(session_id(1))
    edits(home, checkout / "b.py")
    stop(event(1, checkout, home))
    note = noted(place)
    assert note
    assert note.files == ["a.py"]
    assert len(started) == 2


def test_a_worker_once_in_a_while(home: Path, checkout: Path, place: Path, started: list[str]) -> None:
    """Not at each stop; again after five minutes, and where the clock was put back."""
    edits(home, checkout / "a.py")
    for _ in range(3):
        stop(event(1, checkout, home))
    assert started == ["rlm_context.hooks.notes.worker"]
    os.utime(exchanged_file(str(place)), (time.time() - 301,) * 2)
    stop(event(1, checkout, home))
    os.utime(exchanged_file(str(place)), (time.time() + 9_000,) * 2)
    stop(event(1, checkout, home))
    assert len(started) == 3


def test_work_begins_anew_after_a_long_pause(home: Path, checkout: Path, place: Path) -> None:
    """Within four hours it goes on; after that it is what is done from now on."""
    edits(home, checkout / "a.py")
    stop(event(1, checkout, home))
    note = noted(place)
    assert note
    for hours, files in ((3, ["b.py", "a.py"]), (5, ["b.py"]), (-5, ["b.py"])):
        note.since = note.last = int((time.time() - hours * 3600) * 1000)
        note.offset = path_of(home).stat().st_size
        write_own(str(place), session_id(1), note)
        edits(home, checkout / "b.py")
        stop(event(1, checkout, home))
        now = noted(place)
        assert now
        assert now.files == files
        assert now.since == (note.since if hours == 3 else now.last)


def test_much_is_bounded(home: Path, checkout: Path, place: Path) -> None:
    """Twenty files; of a transcript that grew by more than two megabytes the end; no path of any length."""
    edits(home, checkout / "first.py")
    with path_of(home).open("a") as file:
        file.write(json.dumps({"type": "user", "message": "x" * 3_000_000}) + "\n")
    edits(home, *(checkout / f"{number}.py" for number in range(50)), checkout / ("x" * 500))
    stop(event(1, checkout, home))
    note = noted(place)
    assert note
    assert note.files == [f"{number}.py" for number in range(49, 29, -1)]


@pytest.mark.parametrize(
    "line",
    [
        b'{"tool_use"',
        b'"tool_use"',
        b'["tool_use"]',
        b'{"type":"tool_use","message":[]}',
        b'{"message":{"content":[{"type":"tool_use","name":"Edit","input":[]},5]},"x":"tool_use"}',
        b'{"message":{"content":[{"type":"tool_use","name":["Edit"],"input":{"file_path":5}}]}}',
        b'{"payload":{"type":"x_call","input":{"a":[[["*** Begin Patch"]]]}}}',
        b'{"payload":{"type":"x_call","input":"{*** Begin Patch"}}',
        b'{"payload":"*** Begin Patch"}',
        b'\xff"tool_use"\x00',
        b'{"tool_use":' + b"[" * 50_000,
    ],
)
def test_strange_records_are_passed_over(line: bytes, tmp_path: Path) -> None:
    """Whatever a transcript holds, what is sound in it is found."""
    sound = b'{"message":{"content":[{"type":"tool_use","name":"Write","input":{"file_path":"/a"}}]}}\n'
    path = tmp_path / "t.jsonl"
    path.write_bytes(line + b"\n" + sound)
    assert changed_files(str(path), 0) == (["/a"], path.stat().st_size)


def test_what_a_session_changed_days_ago_is_not_now(home: Path, checkout: Path, place: Path) -> None:
    """A session that goes on has its old records in the transcript; the note counts from its start today."""
    edits(home, checkout / "old.py")
    text = (
        path_of(home)
        .read_text()
        .replace('{"type":"assistant"', '{"timestamp":"2026-03-01T10:00:00.000Z","type":"assistant"')
    )
    path_of(home).write_text(text)
    edits(home, checkout / "new.py")
    stop(event(1, checkout, home))
    note = noted(place)
    assert note
    assert note.files == ["new.py"]


def test_a_transcript_that_shrank_is_read_anew(tmp_path: Path) -> None:
    """An offset behind the end belongs to another file."""
    path = tmp_path / "t.jsonl"
    path.write_text(
        '{"message":{"content":[{"type":"tool_use","name":"Edit","input":{"file_path":"/a"}}]}}\n'
    )
    assert changed_files(str(path), 10_000)[0] == ["/a"]


def test_a_stop_is_silent_and_never_fails(home: Path, checkout: Path, place: Path) -> None:
    """As the agent runs it: no output; a transcript that is gone costs a line."""
    edits(home, checkout / "a.py")
    done = hook("stop", event(1, checkout, home))
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")
    assert noted(place)
    path_of(home).unlink()
    done = hook("stop", event(1, checkout, home))
    assert (done.returncode, done.stdout, len(done.stderr.splitlines())) == (0, "", 1)


def test_a_stop_loads_next_to_nothing(home: Path, checkout: Path, place: Path) -> None:
    """The standard library only, and of it nothing slow: it runs after every answer."""
    code = (
        "import sys\nbefore = set(sys.modules)\nfrom rlm_context.hooks import detach\n"
        "detach.start_worker = lambda home, module: None\nfrom rlm_context.hooks.run import run_hook\n"
        "run_hook(['stop'])\nprint(*sorted(set(sys.modules) - before))"
    )
    edits(home, checkout / "a.py")
    told = json.dumps(event(1, checkout, home))
    done = subprocess.run(
        [sys.executable, "-S", "-c", code], cwd=ROOT, input=told, capture_output=True, text=True, check=True
    )
    loaded = set(done.stdout.split())
    assert noted(place)
    assert (
        loaded & {"re", "enum", "json", "pathlib", "typing", "datetime", "hashlib", "subprocess", "tomllib"}
        == set()
    )
    packages = {name.partition(".")[0] for name in loaded}
    assert packages & {"compiler", "store", "transcripts", "search", "rlm", "flows", "msgspec"} == set()


@given(
    st.builds(
        dict,
        cwd=st.text(),
        branch=st.text(),
        files=st.lists(st.text(), max_size=5),
        since=st.integers(0, 2**53),
        last=st.integers(0, 2**53),
        offset=st.integers(0, 2**53),
    )
)
def test_a_note_comes_back_as_it_was(
    tmp_path_factory: pytest.TempPathFactory, found: dict[str, object]
) -> None:
    """Written and read again, whatever stands in it."""
    home = str(tmp_path_factory.mktemp("home"))
    write_own(home, "s", OwnNote(found))
    back = read_own(home, "s")
    assert back
    assert vars(back) == found
