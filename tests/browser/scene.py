"""A home as `rlm-context up` leaves it after a day: a compile that was retried, one of a hook, and a night.

All sessions are the invented ones of `examples/sessions`. This machine is jonas'; the others share his store.
"""

import contextlib
import json
import os
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from flows.local_server import LocalServer, live_server
from tests.flows.helpers import ROOT, Api
from tests.waiting import until

PROJECT = "github.com/acme/tidewatch"
SESSIONS = ROOT / "examples" / "sessions"
PATIENCE = 300.0
"""Seconds for a run; an idle machine takes five."""

BUSY = """
import sys
from pathlib import Path
from compiler.runtime import open_runtime
from compiler.uploading.upload import upload
from data_models.errors import StoreError
from store.local import LocalStore
from flows.run import compile_projects

put, failures = LocalStore.put, ["busy", "busy"]

def busy(self, key, data):
    if key.startswith("gen/") and failures:
        raise StoreError(failures.pop())
    return put(self, key, data)

LocalStore.put = busy
runtime = open_runtime()
upload(runtime, [Path(sys.argv[1])], project=sys.argv[2])
report, = compile_projects(runtime.home, [sys.argv[2]])
if isinstance(report, Exception):
    raise report
"""
"""Compiles the folder in the first argument with a store that fails twice when the generation is written."""

UPLOAD = """
import sys
from pathlib import Path
from compiler.runtime import open_runtime
from compiler.uploading.upload import upload
upload(open_runtime(), [Path(sys.argv[1])], project=sys.argv[2])
"""


@dataclass(frozen=True)
class Scene:
    """The home, the server that is up on it, and the ids of its flow runs."""

    home: Path
    server: LocalServer
    retried: str
    hooked: str
    nightly: str

    @property
    def ui(self) -> str:
        """Where the UI is."""
        return self.server.url.removesuffix("/api")

    @property
    def report(self) -> Path:
        """The page of `rlm-context report`."""
        return self.home / "rlm-context" / "report.html"


@contextlib.contextmanager
def scene(folder: Path) -> Iterator[Scene]:
    """Make the scene in an empty folder, and keep `rlm-context up` running for the block."""
    (folder / "src" / "tidewatch" / ".git").mkdir(parents=True)
    config = folder / "src" / "tidewatch" / ".git" / "config"
    config.write_text(f'[remote "origin"]\n\turl = https://{PROJECT}.git\n')
    up = subprocess.Popen(
        _program("up"), env=_environment(folder, "jonas"), cwd=folder, stderr=subprocess.PIPE, text=True
    )
    try:
        assert up.stderr is not None
        assert any("up at" in line for line in up.stderr), "rlm-context up ended"
        server = live_server(folder / "rlm-context")
        assert server is not None
        yield _lived(folder, server)
    finally:
        up.terminate()
        up.communicate(timeout=PATIENCE)


def _lived(folder: Path, server: LocalServer) -> Scene:
    api = Api(server)
    _run(folder, "mira", [sys.executable, "-c", BUSY, str(SESSIONS / "mira"), PROJECT])
    retried = api.flow_run(f"compile {PROJECT}")["id"]
    hooked = _close_session(folder, api)
    _run(folder, "adaeze", [sys.executable, "-c", UPLOAD, str(SESSIONS / "adaeze"), PROJECT])
    nightly = _night(api)
    _run(folder, "jonas", _program("report"))
    return Scene(folder, server, retried, hooked, nightly)


def _close_session(folder: Path, api: Api) -> str:
    """A session of this machine ends; the id of the run that its hook's worker triggers."""
    (source,) = (SESSIONS / "jonas" / "projects" / "-Users-jonas-code-tidewatch").glob("a328898d-*.jsonl")
    transcript = folder / ".claude" / "projects" / "-src-tidewatch" / source.name
    transcript.parent.mkdir(parents=True)
    checkout = str(folder / "src" / "tidewatch")
    transcript.write_text(source.read_text().replace("/Users/jonas/code/tidewatch", checkout))
    told = {
        "session_id": source.stem,
        "transcript_path": str(transcript),
        "cwd": checkout,
        "reason": "other",
    }
    _run(folder, "jonas", _program("hook", "session-end"), json.dumps(told))
    deployment = api.call("GET", "/deployments/name/compile-context/on-session-end")["id"]
    return _completed(api, {"deployment_id": {"any_": [deployment]}})


def _night(api: Api) -> str:
    deployment = api.call("GET", "/deployments/name/nightly-recompile/nightly")["id"]
    run = api.call("POST", f"/deployments/{deployment}/create_flow_run", {})["id"]
    return _completed(api, {"id": {"any_": [run]}})


def _completed(api: Api, wanted: dict[str, Any]) -> str:
    """The id of such a run, once one is completed."""
    completed = wanted | {"state": {"type": {"any_": ["COMPLETED"]}}}

    def runs() -> list[dict[str, Any]]:
        with contextlib.suppress(TimeoutError):  # a busy machine's server may take long to answer
            return list(api.call("POST", "/flow_runs/filter", {"flow_runs": completed}))
        return []

    return str(until(runs, PATIENCE, step=0.5)[0]["id"])


def _run(folder: Path, author: str, command: list[str], told: str = "") -> None:
    environment = _environment(folder, author)
    subprocess.run(
        command,
        env=environment,
        cwd=folder,
        input=told,
        text=True,
        capture_output=True,
        check=True,
        timeout=PATIENCE,
    )


def _program(*arguments: str) -> list[str]:
    return [sys.executable, "-m", "rlm_context", *arguments]


def _environment(folder: Path, author: str) -> dict[str, str]:
    others = ("RLM_CONTEXT_", "PREFECT_", "CLAUDE_", "CODEX_", "ANTHROPIC_", "OPENAI_", "XDG_")
    kept = {name: value for name, value in os.environ.items() if not name.startswith(others)}
    return kept | {
        "HOME": str(folder),
        "RLM_CONTEXT_HOME": str(folder / "rlm-context"),
        "RLM_CONTEXT_AUTHOR": author,
        "PYTHONPATH": str(ROOT),
        "TZ": "UTC",
    }
