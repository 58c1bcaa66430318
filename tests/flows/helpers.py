"""What the flow tests share: the server's REST API, and programs for other processes."""

import base64
import json
import urllib.error
import urllib.request
from http import HTTPStatus
from pathlib import Path
from typing import Any

from flows.local_server import LocalServer
from tests.waiting import PATIENCE, until

ROOT = Path(__file__).parents[2]
SOURCE = ROOT / "examples" / "sessions" / "mira"
SESSIONS = 4
PATIENT = 300.0
"""Seconds for a process to end by itself; one that compiles takes ten on an idle machine."""

COMPILE = """
import sys
from pathlib import Path
from compiler.runtime import open_runtime
from compiler.uploading.upload import upload
from flows.run import compile_projects
runtime = open_runtime()
upload(runtime, [Path(sys.argv[2])], project=sys.argv[1])
assert "prefect" not in sys.modules
report, = compile_projects(runtime.home, [sys.argv[1]])
if isinstance(report, Exception):
    raise report
from flows.local_server import live_server
print(report.sessions.new, live_server(runtime.home).url)
"""
"""Uploads the folder in the second argument as the project in the first, and compiles it."""

HOLD = """
import sys
from pathlib import Path
from flows.local_server import local_server
with local_server(Path(sys.argv[1]), linger=0.5) as server:
    print(server.url, flush=True)
    sys.stdin.read()
"""
"""Uses the local server of the home in the first argument until it is killed."""


class Api:
    """The REST API of a local server, called with the standard library as a hook would."""

    def __init__(self, server: LocalServer) -> None:
        self.server = server

    def call(self, method: str, path: str, body: Any = None) -> Any:
        """One call; its JSON, None for an empty answer. A database that is busy, which SQLite says, is asked again."""

        def answer() -> tuple[Any] | None:
            try:
                return (self._call(method, path, body),)
            except urllib.error.HTTPError as error:
                if error.code != HTTPStatus.SERVICE_UNAVAILABLE:
                    raise
                return None

        return until(answer)[0]

    def _call(self, method: str, path: str, body: Any) -> Any:
        credentials = base64.b64encode(self.server.auth.encode()).decode()
        request = urllib.request.Request(
            self.server.url + path,
            method=method,
            data=None if body is None else json.dumps(body).encode(),
            headers={"Authorization": f"Basic {credentials}", "Content-Type": "application/json"},
        )
        with urllib.request.urlopen(request, timeout=PATIENCE) as response:
            return json.loads(response.read() or "null")

    def flow_run(self, name: str) -> dict[str, Any]:
        """The newest flow run of this name that has begun; what is due later would be newer still."""
        wanted = {"name": {"any_": [name]}, "start_time": {"is_null_": False}}
        body = {"flow_runs": wanted, "sort": "START_TIME_DESC"}
        return self.call("POST", "/flow_runs/filter", body)[0]

    def task_runs(self, flow_run: str, *needed: str) -> dict[str, dict[str, Any]]:
        """The task runs of a flow run by name in their order, once the server knows `needed` and how all ended.

        The server learns of task runs from events, which come after the run itself has ended, and not at once.
        """
        body = {"task_runs": {"flow_run_id": {"any_": [flow_run]}}, "sort": "EXPECTED_START_TIME_ASC"}

        def ended() -> tuple[dict[str, dict[str, Any]]] | None:  # there may be none
            runs = {run["name"]: run for run in self.call("POST", "/task_runs/filter", body)}
            over = all(run["state_type"] in ("COMPLETED", "FAILED") for run in runs.values())
            return (runs,) if over and runs.keys() >= set(needed) else None

        return until(ended)[0]

    def artifact(self, key: str) -> dict[str, Any]:
        """The newest artifact of this key."""
        body = {"artifacts": {"key": {"any_": [key]}}}
        return self.call("POST", "/artifacts/latest/filter", body)[0]
