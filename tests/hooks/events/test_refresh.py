"""The refresh hook: what is newer reaches a session that goes on, once, and trouble reaches only the log."""

import json
import os
import shutil
import time
from pathlib import Path

import pytest

from rlm_context.hooks.brief.told import told_file
from rlm_context.hooks.fetch import due, process
from rlm_context.hooks.fetch.due import FAILED, UNKNOWN, forget_old, is_due, rest
from tests.hooks.helpers import REMOTE, context_of, event, hook, session_id, transcript, undated
from tests.hooks.newer import compiled_by_ann, ended, index_is_here, log_of, start_hook
from tests.waiting import PATIENCE, until

NO_WORKER = "from rlm_context.hooks import detach\ndetach.start_worker = lambda home: None"
HASTE = "from rlm_context.hooks.events import refresh\nrefresh._START_SECONDS = 0.3\n"
"""`session-start` is not waited for as long as it may take."""


@pytest.fixture
def team(home: Path, checkout: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A checkout on a machine where nothing is known; Ann has compiled its project into the team's store."""
    monkeypatch.setenv("RLM_CONTEXT_STORE", str(home / "team"))
    monkeypatch.setenv("RLM_CONTEXT_AUTHOR", "bob")
    compiled_by_ann(home, 1)
    return checkout


def start(home: Path, cwd: Path, number: int = 9, source: str = "startup") -> str:
    """What `session-start` tells."""
    return context_of(ended(start_hook("session-start", event(number, cwd, home, source=source), NO_WORKER)))


def fetched(home: Path, cwd: Path, number: int = 9, source: str = "startup", code: str = "") -> str:
    """What `refresh` tells."""
    return context_of(ended(start_hook("refresh", event(number, cwd, home, source=source), code)))


def lines(text: str) -> set[str]:
    return {line for line in text.split("\n") if line.startswith("- ")}


def test_a_new_machine_gets_the_brief(home: Path, team: Path) -> None:
    """The session that had nothing at its start reads all of it, once; the next one has it from its start."""
    assert start(home, team) == ""
    text = fetched(home, team)
    assert text.startswith(f'<rlm-context project="{REMOTE}" generation="1">\n')
    assert "[s:00000001#" in text
    assert fetched(home, team) == ""
    assert undated(start(home, team, number=8)) == undated(text)
    index_is_here(home)
    assert fetched(home, team, number=8) == ""
    assert log_of(home) == ""


def test_an_old_copy_gets_what_changed(home: Path, team: Path) -> None:
    """Of a newer generation a session that read the one before is told only the new lines."""
    fetched(home, team, number=1, code=HASTE)
    index_is_here(home)
    first = start(home, team)
    compiled_by_ann(home, 2)
    delta = fetched(home, team)
    assert 'generation="2"' in delta
    assert lines(delta)
    assert not lines(first) & lines(delta)
    index_is_here(home)
    assert fetched(home, team, source="resume") == ""
    whole = start(home, team, number=8)
    assert lines(whole) <= lines(first) | lines(delta)


def touched_by_its_wait(path: Path) -> str:
    """Lets `refresh` make a file once it has all and waits for `session-start`, which may take its time here."""
    return f"""
import time
from rlm_context.hooks.events import refresh
refresh._START_SECONDS = {PATIENCE}
waiting = time.sleep
def sleep(seconds):
    open({str(path)!r}, "w").close()
    waiting(seconds)
refresh.time.sleep = sleep
"""


@pytest.mark.parametrize("source", ["startup", "clear", "resume", "compact"])
def test_the_brief_comes_once_whoever_is_first(source: str, home: Path, team: Path) -> None:
    """`refresh` may run long before `session-start` does: it waits, and the two repeat nothing of each other."""
    fetched(home, team, number=1, code=HASTE)
    index_is_here(home)
    compiled_by_ann(home, 2)
    waits = home / "waits"
    late = start_hook("refresh", event(9, team, home, source=source), touched_by_its_wait(waits))
    until(lambda: waits.exists() or late.poll() is not None)
    assert late.poll() is None
    assert not (home / "rlm-context" / "hooks" / "shown" / session_id(9)).exists()
    first = start(home, team, source=source)
    second = context_of(ended(late))
    assert "## Summary" in first
    assert not lines(first) & lines(second)
    index_is_here(home)


def test_without_session_start_it_tells_all(home: Path, team: Path) -> None:
    """A `session-start` that was killed, or is not installed, told nothing."""
    assert "## Summary" in fetched(home, team, code=HASTE)
    index_is_here(home)


def test_after_compact_all_of_it_is_session_starts(home: Path, team: Path) -> None:
    """What was noted before the history was compacted says nothing about what is left of it."""
    start(home, team)
    fetched(home, team)
    index_is_here(home)
    compiled_by_ann(home, 2)
    note = Path(told_file(str(home / "rlm-context"), session_id(9)))
    os.utime(note, (1, 1))
    assert fetched(home, team, source="compact", code=HASTE) == ""
    index_is_here(home)
    assert "## Summary" in start(home, team, source="compact")
    assert fetched(home, team, source="compact") == ""


def test_what_never_reached_the_agent_is_told_again(home: Path, team: Path) -> None:
    """An agent that ended before its next request has it in no transcript, however soon it is resumed; one that was
    resumed with it has."""
    start(home, team)
    path = transcript(home, 9, team)
    said = fetched(home, team)
    assert start(home, team, source="resume") == ""
    assert undated(fetched(home, team, source="resume")) == undated(said)
    with path.open("a") as file:
        file.write(json.dumps({"type": "attachment", "attachment": {"stdout": said}}) + "\n")
    assert start(home, team, source="resume") == ""
    assert fetched(home, team, source="resume") == ""
    index_is_here(home)


def test_nothing_newer_starts_nothing(home: Path, team: Path) -> None:
    """A store in a folder is looked at, and no process is left behind; nor where the project is unknown."""
    fetched(home, team, code=HASTE)
    index_is_here(home)
    code = "from rlm_context.hooks.events import refresh\nrefresh.start_fetcher = lambda *_: 1 / 0"
    assert fetched(home, team, number=8, code=HASTE + code) != ""
    assert fetched(home, home, number=7, code=code) == ""
    assert log_of(home) == ""


def test_a_damaged_copy_is_fetched_again(home: Path, team: Path) -> None:
    """Where `session-start` could not read the brief, the session gets it all the same."""
    fetched(home, team, number=1, code=HASTE)
    index_is_here(home)
    (path,) = (home / "rlm-context" / "cache" / "projects").glob("*/brief.json")
    path.write_bytes(b"{")
    done = ended(start_hook("session-start", event(9, team, home, source="startup"), NO_WORKER))
    assert (done.returncode, done.stdout, len(done.stderr.splitlines())) == (0, "", 1)
    assert "## Summary" in fetched(home, team)


@pytest.mark.parametrize("trouble", ["no store", "broken settings", "damaged store"])
def test_trouble_is_a_line_in_the_log(
    trouble: str, home: Path, team: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The agent gets nothing, neither text nor failure."""
    if trouble == "no store":
        monkeypatch.setenv("RLM_CONTEXT_STORE", "nosuch://place")
    if trouble == "broken settings":
        (home / "rlm-context").mkdir()
        (home / "rlm-context" / "config.toml").write_text("no [toml")
    if trouble == "damaged store":
        (home / "team" / "store.json").write_text("{")
    done = ended(start_hook("refresh", event(9, team, home, source="startup"), HASTE))
    assert (done.returncode, done.stdout) == (0, "")
    assert len(log_of(home).splitlines()) == 1
    assert "refresh: " in log_of(home)


def test_a_store_that_failed_rests(home: Path, team: Path) -> None:
    """It is not asked again at once."""
    (home / "team" / "store.json").write_text("{")
    for number in (8, 9):
        fetched(home, team, number=number, code=HASTE)
    assert len(log_of(home).splitlines()) == 1


def test_a_store_that_hangs_ends_nothing_but_the_wait(home: Path, team: Path) -> None:
    """At the limit the session gets what is here, and the log says why."""
    fetched(home, team, number=1, code=HASTE)
    index_is_here(home)
    compiled_by_ann(home, 2)
    code = "import os\nfrom rlm_context.hooks.events import refresh\nrefresh._FETCH_SECONDS = 0.2\nends = os.pipe()\n"
    code += "refresh.start_fetcher = lambda *_: ends[0]\n"
    text = fetched(home, team, code=HASTE + code)
    assert 'generation="1"' in text
    assert "gave no brief within 0.2 s" in log_of(home)


def test_one_at_a_time(home: Path, team: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A second process waits for the first, and then finds that nothing is left to do."""
    monkeypatch.setattr(process, "_fetch", lambda *_: asked.append(1))
    monkeypatch.setattr(process.signal, "alarm", lambda _: 0)
    asked: list[int] = []
    ours = str(home / "rlm-context")
    lock = process._lock(ours, "refresh.lock", process.fcntl.LOCK_EX)
    waiting = start_hook("refresh", event(9, team, home, source="startup"), HASTE)
    with pytest.raises(TimeoutError):
        _wait(waiting)
    os.close(lock)
    assert "## Summary" in context_of(ended(waiting))
    index_is_here(home)
    process.main(str(team))
    assert asked == []


def test_who_starts_while_the_store_is_asked_waits_too(
    home: Path, team: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Only an answer, or none, keeps others from asking; the store that gave none rests then."""
    ours, store = str(home / "rlm-context"), str(home / "team")
    due: list[bool] = []

    def fail(*_: object) -> bool:
        due.append(is_due(ours, REMOTE, store))
        raise OSError("gone")

    monkeypatch.setattr("compiler.local_copy.refresh_brief", fail)
    monkeypatch.setattr(process.signal, "alarm", lambda _: 0)
    with pytest.raises(OSError, match="gone"):
        process.main(str(team))
    assert due == [True]
    assert not is_due(ours, REMOTE, store)


def _wait(process: object) -> None:
    """Raise TimeoutError where a process does not end within a second."""
    deadline = time.monotonic() + 1
    while process.poll() is None:  # type: ignore[attr-defined]
        if time.monotonic() > deadline:
            raise TimeoutError


def test_agents_that_start_at_once_each_read_it_once(home: Path, team: Path) -> None:
    """Five starts in the same moment: five briefs."""
    running = [
        start_hook("refresh", event(number, team, home, source="startup"), HASTE) for number in range(5)
    ]
    assert all("## Summary" in context_of(ended(one)) for one in running)
    index_is_here(home)


def test_an_agent_that_our_pipeline_runs_refreshes_nothing(home: Path, team: Path) -> None:
    """With the mark in the environment nothing is printed, fetched or noted."""
    done = hook("refresh", event(9, team, home, source="startup"), RLM_CONTEXT_INSIDE="1")
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")
    assert not (home / "rlm-context" / "hooks").exists()


def test_what_cannot_be_noted_is_not_told(home: Path, team: Path) -> None:
    """A home that cannot be written: else the next refresh would repeat it."""
    fetched(home, team, number=1, code=HASTE)
    index_is_here(home)
    shutil.rmtree(home / "rlm-context" / "hooks" / "shown")
    (home / "rlm-context" / "hooks" / "shown").write_text("in the way")
    done = ended(start_hook("refresh", event(9, team, home, source="startup"), HASTE))
    assert (done.returncode, done.stdout) == (0, "")
    assert "refresh: " in log_of(home)


@pytest.mark.parametrize("told", [b"", b"nothing", b"[]", b'{"session_id": 5}', b'{"cwd": "\\u0000"}'])
def test_a_strange_event_is_no_failure(told: bytes, home: Path) -> None:
    """Whatever comes on stdin: exit 0, and nothing to read."""
    done = hook("refresh", told)
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")


def test_a_store_elsewhere_is_asked_only_so_often(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A project rests for its own time, of this store only, and not where the clock was set back."""
    ours, url = str(home / "rlm-context"), "s3://bucket/team"
    assert is_due(ours, REMOTE, url)
    for seconds in (FAILED, UNKNOWN):
        now = time.time()
        rest(ours, REMOTE, url, seconds)
        assert not is_due(ours, REMOTE, url)
        assert is_due(ours, REMOTE, "s3://bucket/other")
        assert is_due(ours, f"{REMOTE}/other", url)
        for late in (now + seconds + 5, now - 3600):
            with monkeypatch.context() as patch:
                patch.setattr(due.time, "time", lambda late=late: late)
                assert is_due(ours, REMOTE, url)


def test_notes_of_folders_worked_in_once_go(home: Path) -> None:
    """A day later nothing is left of them."""
    ours = str(home / "rlm-context")
    for name in ("old", "new"):
        rest(ours, name, "s3://bucket/team", UNKNOWN)
    os.utime(home / "rlm-context" / "hooks" / "looked" / "old", (1, 1))
    forget_old(ours)
    forget_old(str(home / "nothing"))
    assert [path.name for path in (home / "rlm-context" / "hooks" / "looked").iterdir()] == ["new"]
