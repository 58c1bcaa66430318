"""What `status` says needs attention: the nightly, the Prefect server, what waits; each with a command."""

import json
import threading
import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

from compiler.maintenance import overdue
from compiler.maintenance.nightly import NOTE, Note
from compiler.maintenance.overdue import Share
from compiler.runtime import open_runtime
from rlm_context import attention_prefect
from store.codec import encode
from tests.cli.helpers import rlm
from tests.cli.shapes import SHAPES, misfits
from tests.waiting import PATIENCE

HOUR_MS = 3_600_000


def now() -> int:
    return int(time.time() * 1000)


def found() -> list[tuple[str, str, str]]:
    """What is said, as JSON, all of which stands in the text too."""
    document = rlm("status", "--json").document
    assert list(misfits(document, SHAPES["status"])) == []
    lines = rlm("status").out.splitlines()
    for one in document["concerns"]:
        assert f"{one['what']}. Next: {one['next_command']}" in lines
    return [(one["about"], one["what"], one["next_command"]) for one in document["concerns"]]


def leave(note: Note | Share) -> None:
    """Put a note into the store."""
    open_runtime().store.put(NOTE if isinstance(note, Note) else overdue.NOTE, encode(note))


class Stub(BaseHTTPRequestHandler):
    """Prefect's `…/filter` calls, answered with what the test gives."""

    answers: dict[str, list[dict[str, Any]]]
    asked: list[dict[str, Any]]
    hold: threading.Event

    def do_POST(self) -> None:
        body = json.loads(self.rfile.read(int(self.headers["content-length"])))
        self.asked.append(body)
        self.hold.wait(PATIENCE)
        states = body.get("flow_runs", {}).get("state", {}).get("type", {}).get("any_", ["deployments"])
        answer = json.dumps(self.answers.get(states[0], [])).encode()
        self.send_response(200)
        self.send_header("content-length", str(len(answer)))
        self.end_headers()
        self.wfile.write(answer)

    def log_message(self, *_: object) -> None:
        """Say nothing."""


@pytest.fixture
def stub(small: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[type[Stub]]:
    """A Prefect server that this home is configured for."""
    kind = type("Its", (Stub,), {"answers": {}, "asked": [], "hold": threading.Event()})
    kind.hold.set()
    server = ThreadingHTTPServer(("127.0.0.1", 0), kind)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    monkeypatch.setenv("PREFECT_API_URL", f"http://127.0.0.1:{server.server_port}/api")
    yield kind
    kind.hold.set()
    server.shutdown()
    server.server_close()


def run(name: str, minutes_ago: float) -> dict[str, Any]:
    at = (datetime.now(UTC) - timedelta(minutes=minutes_ago)).isoformat()
    return {"id": "r", "name": name, "expected_start_time": at, "end_time": at}


def test_all_is_well(small: Path) -> None:
    """No nightly, no server, nothing waits: nothing is said."""
    assert found() == []


def test_a_night_on_time_is_not_told(small: Path) -> None:
    """Nor is one that is a few hours late."""
    leave(Note(ended=now() - 40 * HOUR_MS))
    assert found() == []


def test_a_late_night_is_told_with_what_makes_one(small: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Here `up`; where a server is configured, the deployment."""
    leave(Note(ended=now() - 73 * HOUR_MS))
    ((about, what, command),) = found()
    assert (about, what) == ("nightly", "late: the last one ended 3 days ago")
    assert command.startswith("rlm-context up")
    monkeypatch.setenv("PREFECT_API_URL", "http://127.0.0.1:9/api")
    assert ("nightly", what, "prefect deployment run nightly-recompile/nightly") in found()


@pytest.mark.parametrize(
    ("part", "command"),
    [
        ("verify", "rlm-context store verify"),
        ("collect garbage", "rlm-context store gc"),
        ("sweep", "rlm-context sync"),
        ("acme/tide", "rlm-context compile"),
        ("batches of acme/tide", "rlm-context compile"),
        ("purge", "rlm-context up, or rlm-context up --install"),
    ],
)
def test_a_part_that_failed_is_told_with_what_does_it(part: str, command: str, small: Path) -> None:
    """One line for each part."""
    leave(Note(ended=now(), failed=(part,)))
    ((_, what, following),) = found()
    assert what.startswith(f"{part} failed in the night of 20")
    assert following == command


def test_damage_that_maintenance_found_is_told(small: Path) -> None:
    """That of a night, and of a compile's share unless a night came after it."""
    leave(Note(ended=now(), faults=2))
    leave(Share(begun=now() - HOUR_MS, damaged=["blobs/x"]))
    assert [what.partition(" found")[0] for _, what, _ in found()] == ["2 damaged objects"]
    leave(Share(begun=now() + HOUR_MS, damaged=["blobs/x"], failed="out of reach"))
    assert [command for _, _, command in found()] == ["rlm-context store verify"] * 3


@pytest.fixture
def answers(stub: type[Stub], monkeypatch: pytest.MonkeyPatch) -> type[Stub]:
    """That server, which is given the time that it takes to answer here."""
    monkeypatch.setattr(attention_prefect, "_SECONDS", PATIENCE)
    return stub


def test_what_prefect_knows_is_told(answers: type[Stub]) -> None:
    """A deployment without a worker, runs that did not begin, runs that crashed; none that was paused."""
    answers.answers = {
        "deployments": [
            {"name": "nightly", "status": "NOT_READY", "work_pool_name": "rlm-context"},
            {"name": "ask", "status": "NOT_READY", "paused": True},
            {"name": "on-session-end", "status": "READY"},
        ],
        "SCHEDULED": [run("compile acme/tide", 90), run("compile acme/other", 5)],
        "CRASHED": [run("compile acme/tide", 30)],
        "COMPLETED": [run("compile acme/tide", 60)],
    }
    told = {about: (what, command) for about, what, command in found()}
    assert told.keys() == {"worker", "late", "crashed"}
    assert told["worker"][0] == "no worker takes runs of nightly"
    assert told["worker"][1].startswith("prefect worker start --pool rlm-context")
    assert told["late"][0].startswith("2 runs did not begin, the first, compile acme/tide, since 20")
    assert told["crashed"][0].startswith("1 run crashed, the last, compile acme/tide, at 20")
    asked = [body["flow_runs"] for body in answers.asked if "flow_runs" in body]
    assert all(one["tags"] == {"all_": ["rlm-context"]} for one in asked), "others' runs are not ours to tell"


def test_a_crash_that_was_made_good_is_not_told(answers: type[Stub]) -> None:
    """A run of the same name has completed since."""
    answers.answers = {"CRASHED": [run("compile acme/tide", 30)], "COMPLETED": [run("compile acme/tide", 10)]}
    assert found() == []


def test_a_server_that_does_not_answer_is_one_line(stub: type[Stub]) -> None:
    """After two seconds `status` goes on without it; so it does where nobody listens at all."""
    stub.hold.clear()
    begun = time.monotonic()
    document = rlm("status", "--json").document
    assert time.monotonic() - begun < PATIENCE
    ((about, what),) = [(one["about"], one["what"]) for one in document["concerns"]]
    assert (about, what) == ("prefect", "the Prefect server does not answer within 2 s")
    assert document["projects"]


def test_a_server_that_is_away_is_one_line(small: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Nobody listens there."""
    monkeypatch.setenv("PREFECT_API_URL", "http://ann:secret@127.0.0.1:9/api")
    ((about, what, command),) = found()
    assert (about, command) == ("prefect", "rlm-context doctor")
    assert "http://127.0.0.1:9/api gives no answer" in what
    assert "secret" not in what
