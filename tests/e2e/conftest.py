"""The real Claude Code, offline: its own home, a dummy key, and a model server on this machine."""

import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.e2e.claude import ROOT, Claude
from tests.e2e.places import checkout_in, compile_here, with_workers, without_workers
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
    """Workers that sessions leave behind end at once."""
    with without_workers(home / "rlm-context"):
        yield


@pytest.fixture
def claude(
    program: str, home: Path, models: MessagesServer, no_worker: None, monkeypatch: pytest.MonkeyPatch
) -> Claude:
    """Claude Code in a checkout of the invented team's project, whose sessions are compiled here."""
    monkeypatch.setenv("RLM_CONTEXT_AUTHOR", "someone")
    compile_here(ROOT / "examples" / "sessions")
    return Claude(program, home, checkout_in(home), models, Path(sys.executable).parent)


@pytest.fixture
def working_claude(program: str, home: Path, models: MessagesServer) -> Iterator[Claude]:
    """Claude Code in an empty checkout, with hooks in its settings and workers that work."""
    settings = {"RLM_CONTEXT_AUTHOR": "someone"}
    claude = Claude(program, home, checkout_in(home), models, Path(sys.executable).parent, settings)
    with with_workers(claude.ours):
        claude.install_hooks()
        yield claude
