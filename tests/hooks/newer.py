"""A team's store that somebody else compiles into, and the hooks of a start beside each other."""

import asyncio
import fcntl
import json
import os
import subprocess
import sys
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from compiler.pipeline import compile_project
from compiler.runtime import open_runtime
from compiler.steps import DirectSteps
from compiler.uploading.upload import upload
from flows.server_process import try_lock
from tests.hooks.helpers import REMOTE, ROOT, session_id
from tests.synthetic import write_session
from tests.waiting import PATIENCE, until


def compiled_by_ann(home: Path, number: int, project: str = REMOTE) -> None:
    """Ann, on her machine, compiles one more session into the store of the environment."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("RLM_CONTEXT_HOME", str(home / "anns"))
        patch.setenv("RLM_CONTEXT_AUTHOR", "ann")
        sessions = home / "anns-sessions"
        start = datetime(2026, 3, 1 + number, tzinfo=UTC)
        write_session(
            sessions / f"{session_id(number)}.jsonl",
            session_id=session_id(number),
            start=start,
            turns=2 + number,
            seed=number,
        )
        runtime = open_runtime()
        upload(runtime, [sessions], project=project)
        name = runtime.settings.project_aliases.get(project, project)
        asyncio.run(compile_project(runtime, name, DirectSteps(runtime)))


def start_hook(name: str, told: dict[str, Any], code: str = "") -> subprocess.Popen[bytes]:
    """A hook as a process that runs; `code` is executed in it first."""
    program = f"{code}\nimport sys\nfrom rlm_context.main import main\nsys.argv[0] = 'rlm-context'\nmain()"
    process = subprocess.Popen(
        [sys.executable, "-c", program, "hook", name],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        env=os.environ | {"PYTHONPATH": str(ROOT)},
        cwd="/",
    )
    assert process.stdin
    process.stdin.write(json.dumps(told).encode())
    process.stdin.close()
    process.stdin = None
    return process


def ended(process: subprocess.Popen[bytes]) -> subprocess.CompletedProcess[str]:
    """The same when it has ended."""
    out, error = process.communicate(timeout=PATIENCE)
    return subprocess.CompletedProcess(process.args, process.returncode, out.decode(), error.decode())


def index_is_here(home: Path) -> None:
    """Wait until the search index has followed the brief, and its fetcher asks the store no more."""

    def newest(name: str) -> str:
        (path,) = (home / "rlm-context" / "cache" / "projects").glob(f"*/{name}")
        return str(json.loads(path.read_bytes())["newest"])

    until(lambda: list((home / "rlm-context" / "cache" / "projects").glob("*/current")))
    until(lambda: newest("current") == newest("brief.json"))
    until(lambda: is_free(home, "index.lock"))


def fetcher_has_ended(home: Path) -> None:
    """Wait until nothing is fetched any more."""
    until(lambda: is_free(home, "refresh.lock"))


def is_free(home: Path, name: str) -> bool:
    """Whether no process holds a lock of the hooks."""
    lock = try_lock(home / "rlm-context" / "hooks" / name, fcntl.LOCK_EX)
    if lock is not None:
        os.close(lock)
    return lock is not None


def log_of(home: Path) -> str:
    """The workers' log."""
    path = home / "rlm-context" / "logs" / "worker.log"
    return path.read_text() if path.exists() else ""
