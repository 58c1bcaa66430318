"""What every hook notes, hooks that this version does not know, and two that answer one start."""

import os
import pty
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest

from rlm_context.hooks import fired
from rlm_context.hooks.run import EVENTS
from tests.cli.helpers import assert_one_line, rlm
from tests.hooks.helpers import ROOT, event, hook, session_id

BY_PATH = [sys.executable, "-I", "-S", str(ROOT / "rlm_context" / "hooks" / "__main__.py")]
BY_NAME = [sys.executable, "-m", "rlm_context", "hook"]


def stamps(home: Path) -> list[str]:
    """The hooks that fired, with their agents."""
    folder = home / "rlm-context" / "hooks" / "fired"
    return sorted(str(path.relative_to(folder)) for path in folder.rglob("*") if path.is_file())


def test_each_hook_leaves_the_time_it_fired(home: Path, checkout: Path) -> None:
    """By agent, also where there was nothing to do; a later call moves the time."""
    hook("session-start", event(1, checkout, home, source="startup"))
    assert stamps(home) == ["claude-code/session-start"]
    stamp = home / "rlm-context" / "hooks" / "fired" / "claude-code" / "session-start"
    os.utime(stamp, (1, 1))
    hook("session-start", event(1, checkout, home, source="clear"))
    assert time.time() - stamp.stat().st_mtime < 600
    rollout = event(2, checkout, home) | {"transcript_path": f"/x/rollout-2026-{session_id(2)}.jsonl"}
    hook("session-end", rollout)
    assert stamps(home) == ["claude-code/session-start", "codex/session-end"]


def test_a_home_that_cannot_be_written_ends_nothing(home: Path, checkout: Path) -> None:
    """Neither stamp nor note; the work itself says what is wrong, and the exit code is 0."""
    (home / "rlm-context").write_text("")
    done = hook("session-start", event(1, checkout, home, source="startup"))
    assert done.returncode == 0
    assert "Next: rlm-context doctor" in done.stderr


@pytest.mark.parametrize("program", [BY_PATH, BY_NAME], ids=["path", "name"])
def test_a_hook_of_a_newer_version_does_nothing(program: list[str], home: Path) -> None:
    """For an agent it is no failure (which may block what the agent is about to do); a person is told."""
    done = subprocess.run(
        [*program, "of-the-future"], input=b"{}", cwd=ROOT, capture_output=True, check=False, timeout=60
    )
    assert (done.returncode, done.stdout, done.stderr) == (0, b"", b"")
    ours, terminal = pty.openpty()
    typed = subprocess.run(
        [*program, "of-the-future"], stdin=terminal, cwd=ROOT, capture_output=True, check=False, timeout=60
    )
    os.close(ours), os.close(terminal)
    assert typed.returncode == 2
    assert b"of-the-future" in typed.stderr
    assert "of-the-future" not in EVENTS


def start(program: str, home: Path, told: dict[str, Any], monkeypatch: pytest.MonkeyPatch) -> bool:
    """Whether this program has to answer."""
    monkeypatch.setattr(sys, "argv", [program])
    return fired.is_first(str(home), "session-start", told)


def test_one_start_is_answered_once(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """By the first of two programs; other reasons to start, later starts and a start after the end are others."""
    told = {"session_id": session_id(1), "source": "startup"}
    assert start("one", home, told, monkeypatch)
    assert not start("two", home, told, monkeypatch)
    assert start("two", home, told | {"session_id": session_id(2)}, monkeypatch)
    assert start("two", home, told | {"source": "clear"}, monkeypatch)
    assert not start("one", home, told | {"source": "clear"}, monkeypatch)
    (note,) = (home / "hooks" / "shown").glob(f".first-*-{session_id(1)}")
    for clock in (1, time.time() + 86_400):  # long ago; before the clock was put back
        os.utime(note, (clock, clock))
        program = "one" if clock == 1 else "two"
        assert start(program, home, told | {"source": "clear"}, monkeypatch)
    fired.forget_first(str(home), told)
    assert start("one", home, told | {"source": "clear"}, monkeypatch)


def test_the_same_program_may_answer_again(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A session that is resumed twice in a row is answered twice; without an id nothing is noted."""
    told = {"session_id": session_id(1), "source": "resume"}
    assert start("one", home, told, monkeypatch)
    assert start("one", home, told, monkeypatch)
    assert start("one", home, {"source": "resume"}, monkeypatch)
    assert start("two", home, {"source": "resume"}, monkeypatch)


def test_one_prompt_is_answered_once(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Like a start; the two are not taken for each other."""
    told = {"session_id": session_id(1), "prompt": "why?"}
    answers = []
    for program in ("one", "two"):
        monkeypatch.setattr(sys, "argv", [program])
        answers.append(fired.is_first(str(home), "user-prompt-submit", told))
        answers.append(fired.is_first(str(home), "session-start", told | {"source": program}))
    assert answers == [True, True, False, True]


def test_windows_itself_is_refused(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Every command says in one line where it runs; a hook says it too, and fails nothing."""
    monkeypatch.setattr(sys, "platform", "win32")
    assert_one_line(rlm("status"), "Windows inside WSL only")
    result = rlm("hook", "session-end")
    assert (result.code, result.out) == (0, "")
    assert "Windows inside WSL only" in result.err
