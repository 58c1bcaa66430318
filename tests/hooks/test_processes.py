"""Whether a process runs: one that ended does not, also where nobody has looked at it."""

import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from data_models.processes import process, runs
from rlm_context.hooks.running import is_running, killed_sessions
from store.leases import has_ended
from store.machine import machine
from tests.waiting import until

linux = pytest.mark.skipif(not Path("/proc/self/stat").exists(), reason="no /proc to look in")


@pytest.fixture
def ended() -> Iterator[int]:
    """A process that has ended and whose parent, this test, does not look until it is over."""
    child = subprocess.Popen([sys.executable, "-c", "pass"])
    os.waitid(os.P_PID, child.pid, os.WEXITED | os.WNOWAIT)
    yield child.pid
    child.wait()


def test_a_live_one_runs() -> None:
    """This process does, and the first of all, which is somebody else's to most users."""
    assert runs(os.getpid())
    assert runs(1)


def test_one_that_was_looked_at_is_gone() -> None:
    """Its number reaches nothing; nor does one that no process can have."""
    child = subprocess.Popen([sys.executable, "-c", "pass"])
    child.wait()
    assert not runs(child.pid)
    assert not runs(10**30)


@linux
def test_one_that_nobody_looked_at_is_gone(ended: int, home: Path) -> None:
    """Signal 0 reaches it, and yet its session was killed and its lease holds nothing."""
    os.kill(ended, 0)
    assert not runs(ended)
    assert has_ended(machine(), ended)
    folder = home / "rlm-context"
    marks = folder / "hooks" / "running"
    marks.mkdir(parents=True)
    (marks / "s").write_text(f"{ended} {process(ended)[3]}")
    assert not is_running(str(folder), "s")
    assert killed_sessions(str(folder)) == ["s"]


@linux
def test_what_proc_tells() -> None:
    """Parent, name, state and start; a name may hold what looks like the end of one."""
    name = "a) R 1"
    child = subprocess.Popen(
        [sys.executable, "-c", f"open('/proc/self/comm', 'w').write({name!r}); input()"],
        stdin=subprocess.PIPE,
    )
    try:
        # It waits for its input in the end; until then it may be reading from a disk.
        until(lambda: process(child.pid)[1:3] == (name, "S"))
        parent, _, _, started = process(child.pid)
        assert (parent, started.isdigit()) == (os.getpid(), True)
    finally:
        child.communicate(b"\n")
    assert process(child.pid) == (0, "", "", "")
