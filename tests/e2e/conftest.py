"""The real Claude Code, offline: its own home, a dummy key, and a model server on this machine."""

import asyncio
import fcntl
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from compiler.local_copy import refresh
from compiler.pipeline import DirectSteps, compile_project
from compiler.runtime import open_runtime
from compiler.upload import upload
from flows.server_process import try_lock
from tests.e2e.claude import PROJECT, Claude
from tests.rlm.servers.messages import MessagesServer

ROOT = Path(__file__).parents[2]
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
    runtime = open_runtime()
    upload(runtime, [ROOT / "examples" / "sessions"], project=PROJECT)
    asyncio.run(compile_project(runtime, PROJECT, DirectSteps(runtime)))
    refresh(runtime, PROJECT)
    checkout = home / "tidewatch"
    (checkout / ".git").mkdir(parents=True)
    (checkout / ".git" / "config").write_text(f'[remote "origin"]\n\turl = https://{PROJECT}.git\n')
    return Claude(program, home, checkout, models, Path(sys.executable).parent)
