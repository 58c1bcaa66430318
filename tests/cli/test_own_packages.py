"""A user's own packages that are called like ours, on PYTHONPATH: for their project, and not for us."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.hooks.helpers import ROOT
from tests.waiting import until

OURS = ("data_models", "transcripts", "store", "search", "rlm", "compiler", "tasks", "flows")


@pytest.fixture
def environment(tmp_path: Path) -> dict[str, str]:
    """An environment whose PYTHONPATH leads to packages that end whoever imports them."""
    for name in OURS:
        package = tmp_path / "theirs" / name
        package.mkdir(parents=True)
        (package / "__init__.py").write_text("raise SystemExit(7)")
    return os.environ | {"PYTHONPATH": str(tmp_path / "theirs")}


@pytest.mark.parametrize("command", [["status", "--json"], ["search", "x", "--json"], ["mcp"]])
def test_the_command_uses_its_own(command: list[str], environment: dict[str, str]) -> None:
    """Whether it is answered with click or without."""
    script = Path(sys.executable).with_name("rlm-context")
    done = subprocess.run(
        [script, *command],
        env=environment,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )
    assert done.returncode != 7, done.stderr
    assert "Traceback" not in done.stderr


def test_a_worker_uses_its_own(home: Path, environment: dict[str, str]) -> None:
    """The one that a hook leaves behind gets as far as the store, which is none here."""
    subprocess.run(
        [sys.executable, "-I", "-S", ROOT / "rlm_context" / "hooks" / "__main__.py", "session-end"],
        input=b"{}",
        env=environment | {"RLM_CONTEXT_STORE": "/proc/no-such-store"},
        check=True,
        timeout=60,
    )
    log = home / "rlm-context" / "logs" / "worker.log"
    until(lambda: log.exists() and "/proc/no-such-store" in log.read_text())
