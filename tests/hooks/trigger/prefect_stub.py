"""A server that answers as Prefect's API does, or in any other way that it is told to."""

import json
import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

DEPLOYMENT_PATH = "/api/deployments/name/compile-context/on-session-end"
Answer = tuple[int, Any] | Callable[["Handler"], None]


@dataclass
class Stub:
    """What was asked, and what is answered: `answers` first, then what a server would say that has the deployment.

    `runs` holds the runs by idempotency key; a new one begins in `state`. When a run is looked at, the first of `looks`
    happens before that. `heartbeats` says when the last of a run came, by its id.
    """

    url: str
    requests: list[tuple[str, str, dict[str, str], Any]] = field(default_factory=list)
    answers: list[Answer] = field(default_factory=list)
    runs: dict[str, dict[str, Any]] = field(default_factory=dict)
    looks: list[Callable[[], None]] = field(default_factory=list)
    heartbeats: dict[str, datetime] = field(default_factory=dict)
    state: str = "SCHEDULED"

    @property
    def keys(self) -> list[str]:
        """The idempotency keys that were sent, in order."""
        return [
            body["idempotency_key"] for _, _, _, body in self.requests if body and "idempotency_key" in body
        ]

    def end(self, state: str = "COMPLETED") -> None:
        """Every run ends."""
        self.move(state, timedelta())

    def move(self, state: str, since: timedelta) -> None:
        """Every run is in this state, for so long."""
        for run in self.runs.values():
            run |= _state(state, since)

    def answer(self, path: str, body: Any) -> tuple[int, Any]:
        """What a healthy server says."""
        if path == DEPLOYMENT_PATH:
            return 200, {"id": "d-1", "flow_id": "f-1", "name": "on-session-end"}
        if path == "/api/deployments/d-1/create_flow_run":
            known = body["idempotency_key"] in self.runs
            made = {
                "id": f"r-{len(self.runs)}",
                "flow_id": "f-1",
                "parameters": body["parameters"],
                "labels": {},
            }
            made |= _state(self.state, timedelta())
            return 200 if known else 201, self.runs.setdefault(body["idempotency_key"], made)
        if path == "/api/flow_runs/filter":
            chosen = body["flow_runs"]["state"]["type"]["any_"]
            return 200, [run for run in self.runs.values() if run["state_type"] in chosen]
        if path == "/api/events/filter":
            (resource,) = body["filter"]["resource"]["id"]
            beat = self.heartbeats.get(resource.removeprefix("prefect.flow-run."))
            return 200, {"events": [{"received": beat.isoformat()}] if beat else [], "total": int(bool(beat))}
        if path.endswith("/set_state"):
            told = [run for run in self.runs.values() if path == f"/api/flow_runs/{run['id']}/set_state"]
            told[0].update(_state(body["state"]["type"], timedelta()))
            return 201, {"status": "ACCEPT"}
        if self.looks and path.startswith("/api/flow_runs/"):
            self.looks.pop(0)()
        found = [run for run in self.runs.values() if path == f"/api/flow_runs/{run['id']}"]
        return (200, found[0]) if found else (404, {"detail": "Flow run not found"})


def _state(kind: str, since: timedelta) -> dict[str, Any]:
    begun = (datetime.now(UTC) - since).isoformat()
    return {"state_type": kind, "start_time": begun, "state": {"timestamp": begun}}


class Handler(BaseHTTPRequestHandler):
    """One request."""

    server: "_Server"

    def do_GET(self) -> None:
        """See `BaseHTTPRequestHandler`."""
        size = int(self.headers.get("content-length", "0"))
        body = json.loads(self.rfile.read(size)) if size else None
        stub = self.server.stub
        stub.requests.append((self.command, self.path, dict(self.headers.items()), body))
        answer = stub.answers.pop(0) if stub.answers else stub.answer(self.path, body)
        if callable(answer):
            answer(self)
        else:
            self.send(*answer)

    do_POST = do_GET  # noqa: N815  the name that `BaseHTTPRequestHandler` looks for

    def send(self, status: int, document: Any, **headers: str) -> None:
        """Answer with a document, or with bytes as they are."""
        data = document if isinstance(document, bytes) else json.dumps(document).encode()
        self.send_response(status)
        for name, value in {"content-length": str(len(data)), **headers}.items():
            self.send_header(name.replace("_", "-"), value)
        self.end_headers()
        self.wfile.write(data)

    def log_message(self, format: str, *arguments: object) -> None:
        """Say nothing."""


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    stub: Stub


@contextmanager
def prefect_stub() -> Iterator[Stub]:
    """A running stub on a port of its own."""
    server = _Server(("127.0.0.1", 0), Handler)
    server.stub = Stub(f"http://127.0.0.1:{server.server_port}/api")
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05})
    thread.start()
    try:
        yield server.stub
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


@contextmanager
def nobody() -> Iterator[str]:
    """The URL of a server that is not there: its port is taken, so that nobody else gets it, and not listened at."""
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        yield f"http://127.0.0.1:{taken.getsockname()[1]}/api"


def drop(handler: Handler) -> None:
    """Close the connection in the middle of an answer."""
    handler.send_response(200)
    handler.send_header("content-length", "1000")
    handler.end_headers()
    handler.wfile.write(b'{"id": ')
    handler.close_connection = True


def accept_and_drop(handler: Handler) -> None:
    """Do what was asked, and lose the answer on the way."""
    path, body = handler.path, handler.server.stub.requests[-1][3]
    handler.server.stub.answer(path, body)
    handler.close_connection = True
