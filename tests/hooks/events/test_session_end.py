"""SessionEnd: the session is kept, whatever happens next, and the worker brings it where it belongs."""

import fcntl
import json
import os
import shlex
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import polars
import pytest

from compiler.runtime import open_runtime
from flows.server_process import try_lock
from rlm_context.hooks.detach import open_log
from rlm_context.hooks.events import session_end
from rlm_context.hooks.running import is_running, killed_sessions, mark_running
from rlm_context.hooks.worker import waiting
from rlm_context.hooks.worker.process import work_alone
from rlm_context.hooks.worker.waiting import take_up
from store.generations import newest, read_catalog
from tests.cli.helpers import rlm
from tests.cli.test_upload import contents
from tests.hooks.helpers import IDLE, REMOTE, ROOT, event, hook, session_id, transcript
from tests.waiting import until

WORKER = """
import sys
from rlm_context.hooks.worker import process, waiting
waiting.compile_projects_of = lambda store_url, projects, own_server: False
process.main()
"""
"""A worker whose compiles all fail."""


def raw(home: Path) -> list[Path]:
    folder = home / "rlm-context" / "spool" / "raw"
    return sorted(folder.iterdir()) if folder.is_dir() else []


def end(home: Path, cwd: Path, number: int) -> None:
    """A session ends; no worker takes it up."""
    done = hook("session-end", event(number, cwd, home, reason="other"))
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")


def receipts(home: Path, store: str = "rlm-context/store") -> list[str]:
    """The sessions that a store has a receipt of."""
    return sorted(path.parent.name for path in (home / store / "inbox").rglob("*.json"))


def test_an_end_keeps_every_file_of_the_session(home: Path, checkout: Path) -> None:
    """Transcript, subagents' files and tool results, readable by their owner only; the mark is gone."""
    path = transcript(home, 1, checkout, parts=True)
    mark_running(str(home / "rlm-context"), session_id(1))
    end(home, checkout, 1)
    (job,) = raw(home)
    kept = {file.relative_to(job).as_posix() for file in job.rglob("*") if file.is_file()}
    below = f"projects/-src-tide/{session_id(1)}"
    assert kept == {
        "job.json",
        f"{below}.jsonl",
        f"{below}/subagents/agent-a1.jsonl",
        f"{below}/tool-results/b1.txt",
    }
    assert (job / f"{below}.jsonl").read_bytes() == path.read_bytes()
    assert {folder.stat().st_mode & 0o077 for folder in (job, job.parent)} == {0}
    assert killed_sessions(str(home / "rlm-context")) == []


def test_another_file_system_gets_a_copy(home: Path, checkout: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where a file cannot be linked, its bytes are copied, for the owner only."""

    def refuse(*arguments: object) -> None:
        raise OSError(18, "Invalid cross-device link")

    path = transcript(home, 1, checkout, parts=True)
    path.chmod(0o644)
    monkeypatch.setattr(os, "link", refuse)
    job = Path(session_end.keep(str(home / "rlm-context"), event(1, checkout, home)))
    copy = job / "projects" / "-src-tide" / path.name
    assert copy.read_bytes() == path.read_bytes()
    assert copy.stat().st_mode & 0o077 == 0


def test_the_worker_uploads_compiles_and_clears_up(
    home: Path, checkout: Path, triggered: list[tuple[str, tuple[str, ...]]]
) -> None:
    """Receipt, generation, local copy; neither job nor pending upload is left; a second time nothing happens."""
    transcript(home, 1, checkout, parts=True)
    end(home, checkout, 1)
    done = take_up(home / "rlm-context")
    assert (done.uploaded, done.compiled) == (1, REMOTE)
    assert raw(home) == []
    runtime = open_runtime()
    assert runtime.spool.pending() == []
    generation = newest(runtime.store, REMOTE)
    assert generation
    assert {entry for _, entry in read_catalog(runtime.store, [generation.manifest])} == {session_id(1)}
    again = take_up(home / "rlm-context")
    assert (again.uploaded, again.compiled) == (0, "nothing")
    assert len(triggered) == 1


def test_the_spools_copy_serves_when_the_agents_file_is_gone(
    home: Path, checkout: Path, triggered: list[object]
) -> None:
    """Deleted right after the end: the session is uploaded all the same, with its parts."""
    path = transcript(home, 1, checkout, parts=True)
    end(home, checkout, 1)
    path.unlink()
    assert take_up(home / "rlm-context").uploaded == 1
    (receipt,) = (home / "rlm-context/store/inbox").rglob("*.json")
    assert len(json.loads(receipt.read_text())["files"]) == 3
    assert raw(home) == []


def test_a_codex_session_is_kept_as_one(home: Path, checkout: Path, triggered: list[object]) -> None:
    """A rollout keeps the folders by which it is recognised."""
    source = next((ROOT / "examples" / "sessions" / "tomasz").rglob("*.jsonl"))
    path = home / ".codex" / source.relative_to(ROOT / "examples" / "sessions" / "tomasz")
    path.parent.mkdir(parents=True)
    path.write_bytes(source.read_bytes())
    hook("session-end", {"session_id": path.stem[-36:], "transcript_path": str(path), "cwd": str(checkout)})
    path.unlink()
    assert take_up(home / "rlm-context").uploaded == 1


def test_twenty_sessions_end_at_once(
    home: Path, checkout: Path, triggered: list[tuple[str, tuple[str, ...]]]
) -> None:
    """Twenty receipts, one compile, all of them in the last generation."""
    for number in range(1, 21):
        transcript(home, number, checkout)
    with ThreadPoolExecutor(8) as pool:
        list(pool.map(lambda number: hook("session-end", event(number, checkout, home)), range(1, 21)))
    assert len(raw(home)) == 20
    take_up(home / "rlm-context")
    assert len(receipts(home)) == 20
    assert len(triggered) == 1
    generation = newest(open_runtime().store, REMOTE)
    assert generation
    assert generation.manifest.counts["sessions"] == 20


def test_one_worker_at_a_time_and_none_misses_a_job(home: Path, checkout: Path) -> None:
    """Who finds another at work ends at once; who works looks again before it ends."""
    folder = home / "rlm-context"
    runs: list[str] = []

    def work() -> None:
        runs.append("outer")
        work_alone(folder, lambda: runs.append("inner"))
        if len(runs) == 1:
            (folder / "spool" / "raw" / "a-job").mkdir(parents=True)
        else:
            (folder / "spool" / "raw" / "a-job").rmdir()

    work_alone(folder, work)
    assert runs == ["outer", "outer"]
    work_alone(folder, lambda: (folder / "spool" / "raw" / "stuck").mkdir(exist_ok=True))


def test_a_session_that_was_killed_is_swept(home: Path, checkout: Path, triggered: list[object]) -> None:
    """One whose agent is gone is taken up, one that runs is left alone, one without a mark waits to be quiet."""
    for number in (1, 2, 3):
        transcript(home, number, checkout)
    os.utime(transcript(home, 4, checkout), (1, 1))
    marks = home / "rlm-context" / "hooks" / "running"
    mark_running(str(home / "rlm-context"), session_id(1))
    gone = subprocess.Popen([sys.executable, "-c", "pass"])
    gone.wait()
    (marks / session_id(2)).write_text(f"{gone.pid} 1")
    (marks / session_id(1)).write_text(f"{os.getpid()} ")
    assert is_running(str(home / "rlm-context"), session_id(1))
    assert killed_sessions(str(home / "rlm-context")) == [session_id(2)]
    take_up(home / "rlm-context")
    assert receipts(home) == [session_id(2), session_id(4)]


def test_a_start_sweeps_what_was_killed(home: Path, checkout: Path) -> None:
    """The next start leaves a worker that uploads the killed session; its mark is gone then."""
    transcript(home, 1, checkout)
    marks = home / "rlm-context" / "hooks" / "running"
    marks.mkdir(parents=True, mode=0o700)
    (marks / session_id(1)).write_text("999999999 1")
    (home / "rlm-context" / "config.toml").write_text('store = "/proc/no-such-store"\n')
    hook("session-start", event(2, checkout, home, source="startup"), worker=True)
    log = home / "rlm-context" / "logs" / "worker.log"
    until(lambda: log.exists() and "Next: " in log.read_text())
    assert "0 ended, 1 killed" in log.read_text()
    assert (marks / session_id(1)).exists()  # nothing is forgotten that was not uploaded
    assert log.stat().st_mode & 0o077 == 0


def test_a_process_number_used_again_is_not_the_agent(home: Path) -> None:
    """The start time tells them apart."""
    folder = str(home / "rlm-context")
    mark_running(folder, "s")
    mark = home / "rlm-context" / "hooks" / "running" / "s"
    assert is_running(folder, "s")
    mark.write_text(f"{os.getpid()} 1")
    assert not is_running(folder, "s")


def test_the_agent_is_marked_and_not_its_shells(home: Path, checkout: Path, tmp_path: Path) -> None:
    """The plugin's hooks are a script that a shell starts: what is noted is the process above both, which goes on."""
    script = tmp_path / "run.sh"
    command = shlex.join([sys.executable, "-c", IDLE, "hook", "session-start"])
    script.write_text(f"{command}\nexit 0\n")
    subprocess.run(
        ["sh", "-c", f"sh {shlex.quote(str(script))}; exit 0"],
        input=json.dumps(event(1, checkout, home, source="startup")).encode(),
        env=os.environ | {"PYTHONPATH": str(ROOT)},
        check=True,
    )
    mark = home / "rlm-context" / "hooks" / "running" / session_id(1)
    assert mark.read_text().split()[0] == str(os.getpid())
    assert is_running(str(home / "rlm-context"), session_id(1))


def kill_when(home: Path, reached: Callable[[], bool]) -> None:
    """Start a worker and kill it once so much is done."""
    process = subprocess.Popen([sys.executable, "-c", WORKER], cwd=ROOT, stderr=subprocess.DEVNULL)
    until(lambda: reached() or process.poll() is not None)
    process.send_signal(signal.SIGKILL)
    process.wait()


@pytest.mark.parametrize("point", ["lock", "spooled", "uploaded"])
def test_a_worker_killed_anywhere_loses_nothing(
    point: str, home: Path, checkout: Path, triggered: list[object]
) -> None:
    """The next one goes on: every session has its receipt, none twice."""
    for number in range(1, 25):
        transcript(home, number, checkout)
        session_end.keep(str(home / "rlm-context"), event(number, checkout, home))
    folder = home / "rlm-context"
    places = {
        "lock": lambda: (folder / "hooks" / "worker.lock").exists(),
        "spooled": lambda: any((folder / "spool" / "pending").glob("*.job")),
        "uploaded": lambda: bool(receipts(home)),
    }
    kill_when(home, places[point])
    take_up(folder)
    assert receipts(home) == [session_id(number) for number in range(1, 25)]
    generation = newest(open_runtime().store, REMOTE)
    assert generation
    assert generation.manifest.counts["sessions"] == 24


def test_a_hook_killed_while_it_keeps_leaves_no_half_job(
    home: Path, checkout: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Until it is whole, a job has a name that no worker takes up."""
    transcript(home, 1, checkout)

    class Stop(BaseException):
        pass

    def stop(*arguments: object) -> None:
        raise Stop

    monkeypatch.setattr(os, "rename", stop)
    with pytest.raises(Stop):
        session_end.keep(str(home / "rlm-context"), event(1, checkout, home))
    (half,) = raw(home)
    assert half.name.startswith(".")


def test_an_unlisted_repository_never_reaches_the_team(
    home: Path, checkout: Path, triggered: list[tuple[str, tuple[str, ...]]], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its session ends, is uploaded and compiled on this machine; the team's store knows nothing of it."""
    monkeypatch.setenv("RLM_CONTEXT_STORE", str(home / "team"))
    transcript(home, 1, checkout)
    end(home, checkout, 1)
    done = take_up(home / "rlm-context")
    assert (done.uploaded, done.kept, done.compiled) == (1, 1, REMOTE)
    found = b"\0".join(contents(home / "team"))
    for word in (session_id(1), REMOTE, "tide", "ann"):
        assert word.encode() not in found
    assert triggered == [(str(home / "rlm-context" / "store"), (REMOTE,))]
    assert (home / "rlm-context/cache/projects/git.example.com~acme~tide/current").exists()


def test_a_team_store_in_use_learns_nothing_of_an_unlisted_repository(
    home: Path, checkout: Path, triggered: list[object], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Sessions of a shared and of another repository end, and are compiled: the store's every byte, unpacked, tells of
    the shared one alone, and so does a search in it."""
    monkeypatch.setenv("RLM_CONTEXT_STORE", str(home / "team"))
    monkeypatch.setenv("RLM_CONTEXT_AUTHOR", "ann")
    rlm("share", REMOTE)
    diary = home / "diary"
    (diary / ".git").mkdir(parents=True)
    (diary / ".git" / "config").write_text('[remote "origin"]\nurl = git@git.example.com:me/diary.git\n')
    for number, cwd, word in ((1, checkout, "gauges"), (2, diary, "lumbago")):
        path = transcript(home, number, cwd, parts=True)
        record = {
            "type": "user",
            "uuid": session_id(number),
            "sessionId": session_id(number),
            "cwd": str(cwd),
        }
        said = {"role": "user", "content": f"Decision: we keep {word} in a table of their own."}
        line = json.dumps(record | {"message": said, "timestamp": "2026-03-01T10:00:00Z"})
        path.write_text(f"{path.read_text()}{line}\n")
        end(home, cwd, number)
    done = take_up(home / "rlm-context")
    assert (done.uploaded, done.kept) == (2, 1)
    assert receipts(home, "team") == [session_id(1)]
    found = b"\0".join([*contents(home / "team"), *tables(home / "team")])
    for word in ("gauges", session_id(1)):
        assert word.encode() in found
    for word in ("lumbago", session_id(2), "diary"):
        assert word.encode() not in found
    assert rlm("search", "gauges", "--json").document["hits"]
    assert not rlm("search", "lumbago", "--project", REMOTE, "--json").document["hits"]


def tables(folder: Path) -> Iterator[bytes]:
    """The Parquet files below, as text."""
    for path in folder.rglob("*"):
        if path.is_file() and path.read_bytes().startswith(b"PAR1"):
            yield polars.read_parquet(path).write_ndjson().encode()


def test_what_is_no_job_in_the_spool_keeps_none_waiting(
    home: Path, checkout: Path, triggered: list[object]
) -> None:
    """Somebody's file between the jobs: the session is uploaded and compiled, the file is left alone."""
    transcript(home, 1, checkout)
    end(home, checkout, 1)
    (home / "rlm-context" / "spool" / "raw" / "notes.txt").touch()
    assert take_up(home / "rlm-context").compiled == REMOTE
    assert [path.name for path in raw(home)] == ["notes.txt"]


def test_a_failed_compile_is_tried_again(home: Path, checkout: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What no generation holds stays pending, and the next worker triggers again."""
    calls: list[str] = []

    def fail(store_url: str, projects: list[str], *, own_server: bool) -> bool:
        calls.extend(projects)
        return False

    monkeypatch.setattr(waiting, "compile_projects_of", fail)
    transcript(home, 1, checkout)
    end(home, checkout, 1)
    take_up(home / "rlm-context")
    take_up(home / "rlm-context")
    assert calls == [REMOTE, REMOTE]
    assert len(open_runtime().spool.pending()) == 1


def test_the_workers_log_does_not_grow_for_ever(home: Path) -> None:
    """Above 1 MB it is set aside, in place of the one that was set aside before."""
    log = home / "rlm-context" / "logs" / "worker.log"
    for text in ("first", "second"):
        os.close(open_log(str(home / "rlm-context")))
        log.write_text(text * 300_000)
    os.close(open_log(str(home / "rlm-context")))
    assert sorted(path.name for path in log.parent.iterdir()) == ["worker.log", "worker.log.1"]
    assert log.stat().st_size == 0
    assert log.with_name("worker.log.1").read_text().startswith("second")


def test_status_names_the_workers_log_and_what_waits(home: Path, checkout: Path) -> None:
    """Where to look, and how many sessions no worker took up."""
    transcript(home, 1, checkout)
    end(home, checkout, 1)
    log = home / "rlm-context" / "logs" / "worker.log"
    log.parent.mkdir(exist_ok=True)
    log.touch()
    out = rlm("status").out
    assert "1 session ended and wait for a worker" in out
    assert str(log) in out


@pytest.mark.slow
@pytest.mark.timeout(300)
def test_the_whole_way_as_an_agent_goes_it(home: Path, checkout: Path) -> None:
    """Hook, worker, Prefect, generation, and the next start reads it; no worker stays."""
    transcript(home, 1, checkout)
    assert hook("session-end", event(1, checkout, home), worker=True).returncode == 0
    log = home / "rlm-context" / "logs" / "worker.log"
    until(lambda: log.exists() and "uploaded" in log.read_text(), 240)
    assert f"1 uploaded, 0 unchanged, 0 not shared, compiled: {REMOTE}" in log.read_text()
    lock = home / "rlm-context" / "hooks" / "worker.lock"
    until(lambda: (free := try_lock(lock, fcntl.LOCK_EX)) is not None and not os.close(free))
    assert "[s:00000001#" in hook("session-start", event(2, checkout, home)).stdout
