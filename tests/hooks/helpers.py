"""Sessions of an invented agent, its hooks as processes, and compiles without Prefect."""

import asyncio
import json
import os
import re
import subprocess
import sys
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from compiler.pipeline import compile_project
from compiler.runtime import open_runtime
from compiler.steps import DirectSteps
from tests.synthetic import write_session
from tests.waiting import PATIENCE

ROOT = Path(__file__).parents[2]
REMOTE = "git.example.com/acme/tide"


def session_id(number: int) -> str:
    """The id of the session of this number."""
    return f"{number:08x}-0000-4000-8000-{number:012x}"


def transcript(home: Path, number: int, cwd: Path, *, turns: int = 2, parts: bool = False) -> Path:
    """Write a session of this machine; its transcript."""
    path = home / ".claude" / "projects" / "-src-tide" / f"{session_id(number)}.jsonl"
    start = datetime(2026, 3, 1, number % 24, number // 24, tzinfo=UTC)
    write_session(path, session_id=session_id(number), start=start, turns=turns, seed=number, cwd=str(cwd))
    if parts:
        beside = path.with_suffix("")
        (beside / "subagents").mkdir(parents=True)
        (beside / "tool-results").mkdir()
        (beside / "subagents" / "agent-a1.jsonl").write_text(path.read_text().splitlines()[0] + "\n")
        (beside / "tool-results" / "b1.txt").write_text("the long output\n")
    return path


def event(number: int, cwd: Path, home: Path, **more: Any) -> dict[str, Any]:
    """What the agent says of that session."""
    path = home / ".claude" / "projects" / "-src-tide" / f"{session_id(number)}.jsonl"
    told = {"session_id": session_id(number), "transcript_path": str(path), "cwd": str(cwd)}
    return told | more


IDLE = """
import sys
from rlm_context.hooks import detach
detach._become_worker = lambda home, module: None
from rlm_context.main import main
sys.argv[0] = "rlm-context"
main()
"""
"""The command line with workers that end at once."""


def hook(
    name: str, told: dict[str, Any] | bytes, *, worker: bool = False, **settings: str
) -> subprocess.CompletedProcess[str]:
    """Run a hook as an agent does; the worker that it leaves behind works only if asked for."""
    program = ["-m", "rlm_context"] if worker else ["-c", IDLE]
    done = subprocess.run(
        [sys.executable, *program, "hook", name],
        input=told if isinstance(told, bytes) else json.dumps(told).encode(),
        env=os.environ | {"PYTHONPATH": str(ROOT)} | settings,
        cwd="/",
        capture_output=True,
        timeout=PATIENCE,
        check=False,
    )
    return subprocess.CompletedProcess(done.args, done.returncode, done.stdout.decode(), done.stderr.decode())


def context_of(done: subprocess.CompletedProcess[str]) -> str:
    """What the model is to read of a hook's output; "" for none."""
    assert (done.returncode, done.stderr) == (0, "")
    if not done.stdout:
        return ""
    output = json.loads(done.stdout)["hookSpecificOutput"]
    assert output["hookEventName"] == "SessionStart"
    found: str = output["additionalContext"]
    return found


def undated(text: str) -> str:
    """A brief without how long ago it was published, which changes while one looks."""
    return re.sub(r", published [^,]+, from ", ", from ", text)


def compile_here(store_url: str, projects: Sequence[str], *, own_server: bool = False) -> bool:
    """Stands for the trigger: compiles in this process, without Prefect."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("RLM_CONTEXT_STORE", store_url)
        runtime = open_runtime()
        for project in projects:
            asyncio.run(compile_project(runtime, project, DirectSteps(runtime)))
    return True
