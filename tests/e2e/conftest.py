"""The real Claude Code, offline: its own home, a dummy key, and a model server on this machine."""

import fcntl
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from flows.local_server import local_server
from flows.server_process import try_lock
from tests.e2e.claude import ROOT, Claude
from tests.e2e.places import checkout_in, compile_here, until_done
from tests.rlm.servers.messages import MessagesServer

CLAUDE = os.environ.get("RLM_CONTEXT_TEST_CLAUDE") or shutil.which("claude")
"""The program `claude` of the npm package @anthropic-ai/claude-code."""


@pytest.fixture(scope="session")
def program() -> str:
    """Claude Code; the test is skipped where it is not installed."""
    if not CLAUDE or shutil.which(CLAUDE) is None:
        pytest.skip(
            "no Claude Code: npm install -g @anthropic-ai/claude-code, or RLM_CONTEXT_TEST_CLAUDE=PATH"
        )
    found = subprocess.run([CLAUDE, "--version"], capture_output=True, text=True, timeout=60, check=False)
    if found.returncode:
        pytest.skip(f"{CLAUDE} does not start: {found.stderr.strip()[:200]}")
    return CLAUDE


@pytest.fixture
def models() -> Iterator[MessagesServer]:
    """A model on this machine; what it says is `reply`."""
    with MessagesServer() as server:
        yield server


@pytest.fixture
def no_worker(home: Path) -> Iterator[None]:
    """Workers that sessions leave behind end at once: another one is at work, and after the test no home is left."""
    ours = home / "rlm-context"
    (ours / "hooks").mkdir(parents=True)
    lock = try_lock(ours / "hooks" / "worker.lock", fcntl.LOCK_EX)
    assert lock is not None
    yield
    ours.rename(home / "was")
    ours.touch()
    os.close(lock)


@pytest.fixture
def claude(
    program: str, home: Path, models: MessagesServer, no_worker: None, monkeypatch: pytest.MonkeyPatch
) -> Claude:
    """Claude Code in a checkout of the invented team's project, whose sessions are compiled here."""
    monkeypatch.setenv("RLM_CONTEXT_AUTHOR", "someone")
    compile_here(ROOT / "examples" / "sessions")
    return Claude(program, home, checkout_in(home), models, Path(sys.executable).parent)


@pytest.fixture
def with_workers(home: Path) -> Iterator[None]:
    """Workers that sessions leave behind work, on a Prefect server that is there; after the test they have ended."""
    ours = home / "rlm-context"
    with local_server(ours, linger=1):
        yield
        until_done(ours)


@pytest.fixture
def working_claude(program: str, home: Path, models: MessagesServer, with_workers: None) -> Claude:
    """Claude Code in an empty checkout, with hooks in its settings and workers that work."""
    claude = Claude(
        program,
        home,
        checkout_in(home),
        models,
        Path(sys.executable).parent,
        {"RLM_CONTEXT_AUTHOR": "someone"},
    )
    claude.install_hooks()
    return claude
