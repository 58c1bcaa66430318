"""A run that somebody cancels, as the UI does it: it stops within seconds, and what it had done is not done again."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from subprocess import Popen
from typing import Any

import pytest

from compiler.account import REPLY
from compiler.runs import read_runs
from compiler.runtime import open_runtime
from compiler.turn import compile_lease
from data_models.errors import PipelineError
from flows.local_server import live_server
from flows.run import compile_projects
from store import leases
from tasks import cancelling
from tests.compiler.models.server_model import MAP, calls_of, request_digest
from tests.flows.helpers import Api
from tests.flows.models import PROJECT, entries, upload_chunks, use
from tests.flows.test_up import UP, ready_line
from tests.rlm.servers.messages import MessagesServer
from tests.waiting import PATIENCE, until

SESSIONS, CHUNKS_EACH = 12, 4
AT_ONCE, LATENCY = 4, 0.3
BEFORE = 8
"""Calls of the map before the run is cancelled."""


def begin(api: Api) -> str:
    """A run of the project, as a trigger makes it."""
    deployment = api.call("GET", "/deployments/name/compile-context/on-session-end")["id"]
    run = api.call("POST", f"/deployments/{deployment}/create_flow_run", {"parameters": {"project": PROJECT}})
    return str(run["id"])


def cancel(api: Api, run: str) -> None:
    """What the UI's button does."""
    api.call("POST", f"/flow_runs/{run}/set_state", {"state": {"type": "CANCELLING", "name": "Cancelling"}})


def ended(api: Api, run: str) -> dict[str, Any]:
    """The run, once it is in no state that goes on."""

    def look() -> dict[str, Any] | None:
        found: dict[str, Any] = api.call("GET", f"/flow_runs/{run}")
        return found if found["state_type"] in ("COMPLETED", "CANCELLED", "FAILED", "CRASHED") else None

    return until(look, 2 * PATIENCE)


@pytest.mark.timeout(600)
def test_a_cancelled_run_stops_and_the_next_goes_on(
    warm_home: Path, start: Callable[..., Popen[str]], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """In the middle of the map, on `rlm-context up`: nothing is asked after it, and nothing answered is asked twice."""
    monkeypatch.setenv("RLM_CONTEXT_MODELS__AT_ONCE", str(AT_ONCE))
    with MessagesServer() as server:
        server.latency = LATENCY
        use(server, monkeypatch)
        upload_chunks(tmp_path / "team", SESSIONS, CHUNKS_EACH)
        assert ": up at" in ready_line(start(UP))
        local = live_server(warm_home)
        assert local is not None
        api = Api(local)
        run = begin(api)
        until(lambda: len(calls_of(server, MAP)) >= BEFORE, 2 * PATIENCE)
        server.latency = 5.0  # however long it takes to cancel, the map is not done by then
        cancel(api, run)
        assert ended(api, run)["state_type"] == "CANCELLED"
        runtime = open_runtime()
        [record] = read_runs(runtime, PROJECT, 10)
        # Said by the run itself: Prefect kills what has not stopped after half a minute, which would leave "running".
        assert record.state == "cancelled"
        server.hear_out()
        asked = len(calls_of(server, MAP))
        in_flight = asked - sum(1 for _ in runtime.store.keys(f"memo/{REPLY}"))
        server.latency = LATENCY
        assert ended(api, begin(api))["state_type"] == "COMPLETED"
        chunks = {chunk for entry in entries(runtime) for chunk in entry.chunks}
        questions = [request_digest(call) for call in calls_of(server, MAP)]
    assert asked < len(chunks)
    assert len(set(questions)) == len(chunks)
    assert in_flight <= AT_ONCE
    assert len(questions) - len(chunks) <= in_flight


def cancel_once_it_waits(api: Api, project: str) -> str:
    """Cancel the run of a command line once its log says for whom it waits; what it says."""
    name = {"flow_runs": {"name": {"any_": [f"compile {project}"]}, "state": {"type": {"any_": ["RUNNING"]}}}}
    (run,) = until(lambda: api.call("POST", "/flow_runs/filter", name))
    said = {"logs": {"flow_run_id": {"any_": [run["id"]]}}}

    def waits() -> str:
        lines = (line["message"] for line in api.call("POST", "/logs/filter", said))
        return next((line for line in lines if "waiting" in line), "")

    found = until(waits)
    cancel(api, run["id"])
    return found


@pytest.mark.filterwarnings("ignore:unclosed <socket:ResourceWarning")  # of Prefect's threads
def test_one_of_a_command_line_ends_too(
    api: Api, server_home: Path, uploaded: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """No runner watches its process: it sees by itself that somebody cancelled it, also while it waits for its turn."""
    monkeypatch.setattr(cancelling, "_LOOKS_EVERY", 0.1)
    runtime = open_runtime()
    with monkeypatch.context() as patch:
        patch.setattr(leases, "machine", lambda: "00000000")
        assert leases.acquire(runtime.store, compile_lease(uploaded), 600) is not None
    with ThreadPoolExecutor(1) as pool:
        cancelled = pool.submit(cancel_once_it_waits, api, uploaded)
        (failed,) = compile_projects(server_home, [uploaded])
    assert cancelled.result() == f"waiting for another compile of {uploaded} on another machine"
    assert isinstance(failed, PipelineError)
    assert (failed.message, failed.partial) == (f"the compile of {uploaded} was cancelled", True)
    assert api.flow_run(f"compile {uploaded}")["state_type"] == "CANCELLED"
    assert [record.state for record in read_runs(runtime, uploaded, 10)] == ["cancelled"]
