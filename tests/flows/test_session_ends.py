"""Sessions end, many at once, and the real deployment on a real Prefect server compiles them all in few runs."""

import fcntl
import os
import signal
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from pathlib import Path
from subprocess import Popen
from typing import Any, TypeVar
from uuid import uuid4

import pytest

from compiler.runs import read_runs
from compiler.runtime import open_runtime
from flows.local_server import LocalServer, live_server, local_server, wait_until_healthy
from flows.server_process import try_lock
from rlm_context.hooks.trigger.prefect import PrefectServer
from rlm_context.hooks.trigger.record import read_triggers
from rlm_context.hooks.trigger.remote import Asked, AwayError, NotDeployedError, RefusedError
from rlm_context.hooks.trigger.rest import PrefectRest, homes_rest
from store.generations import history, newest, read_catalog
from store.registry import open_store
from tests.flows.helpers import Api
from tests.flows.test_up import UP, ready_line
from tests.hooks.helpers import REMOTE, event, hook, session_id, transcript
from tests.waiting import PATIENCE, until

Start = Callable[..., Popen[str]]
T = TypeVar("T")
SESSIONS = 20


@pytest.fixture
def checkout(home: Path) -> Path:
    """A checkout with a remote."""
    folder = home / "tide"
    (folder / ".git").mkdir(parents=True)
    (folder / ".git" / "config").write_text(f'[remote "origin"]\n\turl = https://{REMOTE}.git\n')
    return folder


@pytest.fixture
def store(home: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    """A team's store, in the settings of this process and all that it starts."""
    monkeypatch.setenv("RLM_CONTEXT_STORE", str(home / "team"))
    return str(home / "team")


@pytest.fixture
def served(warm_home: Path, store: str, start: Start) -> LocalServer:
    """`rlm-context up`, working on that store."""
    assert ": up at http://127.0.0.1:" in ready_line(start(UP))
    server = live_server(warm_home)
    assert server is not None
    return server


def person(home: Path, number: int, server: LocalServer) -> dict[str, str]:
    """The settings of somebody who shares the store and the server; the first one has the home of this test."""
    folder = home if number == 0 else home / f"person-{number}"
    own = folder / "rlm-context"
    own.mkdir(parents=True, exist_ok=True)
    (own / "shared-projects.txt").write_text(f"{REMOTE}\n")
    settings = {"HOME": str(folder), "RLM_CONTEXT_HOME": str(own), "RLM_CONTEXT_AUTHOR": f"person-{number}"}
    if number:
        settings |= {"PREFECT_API_URL": server.url, "PREFECT_API_AUTH_STRING": server.auth}
    return settings


def close(people: list[dict[str, str]], checkout: Path) -> None:
    """All sessions end in the same second, in these homes in turn, each leaving a worker."""
    sessions = [(number, people[number % len(people)]) for number in range(1, SESSIONS + 1)]
    for number, settings in sessions:
        transcript(Path(settings["HOME"]), number, checkout)

    def one(session: tuple[int, dict[str, str]]) -> int:
        number, settings = session
        told = event(number, checkout, Path(settings["HOME"]), reason="other")
        return hook("session-end", told, worker=True, **settings).returncode

    with ThreadPoolExecutor(SESSIONS) as pool:
        assert set(pool.map(one, sessions)) == {0}


def compiled(store: str) -> set[str]:
    """The sessions that the newest generation holds."""
    opened = open_store(store)
    generation = newest(opened, REMOTE)
    manifests = [generation.manifest] if generation else []
    return {session for _, session in read_catalog(opened, manifests)}


def receipts(store: str) -> int:
    return sum(1 for _ in (Path(store) / "inbox").rglob("*.json"))


def is_idle(folder: Path) -> bool:
    """Whether no worker is left on a home."""
    lock = try_lock(folder / "hooks" / "worker.lock", fcntl.LOCK_SH)
    if lock is not None:
        os.close(lock)
    return lock is not None


ALL = {session_id(number) for number in range(1, SESSIONS + 1)}


@pytest.mark.parametrize("homes", [1, 5])
def test_twenty_sessions_that_end_at_once(
    homes: int, home: Path, store: str, checkout: Path, served: LocalServer
) -> None:
    """In one home and in five: twenty receipts, at most three compiles, and all sessions in the last one."""
    people = [person(home, number, served) for number in range(homes)]
    close(people, checkout)
    until(lambda: compiled(store) == ALL, 3 * PATIENCE)
    until(lambda: all(is_idle(Path(settings["RLM_CONTEXT_HOME"])) for settings in people))
    assert receipts(store) == SESSIONS
    body = {"flow_runs": {"tags": {"all_": [REMOTE]}}}

    def completed() -> list[dict[str, Any]] | None:
        found = Api(served).call("POST", "/flow_runs/filter", body)
        return found if all(run["state_type"] == "COMPLETED" for run in found) else None

    runs = until(completed)
    assert 1 <= len(runs) <= 3
    assert {run["parameters"]["project"] for run in runs} == {REMOTE}
    generations = history(open_store(store), REMOTE)[0]
    assert len(generations) <= 3
    print(f"{homes} homes: {len(runs)} runs, {len(generations)} generations")


def test_a_server_that_dies_before_the_run_begins(
    home: Path, store: str, checkout: Path, warm_home: Path, start: Start
) -> None:
    """What it had accepted is compiled on this machine by the next worker."""
    up = start(UP)
    ready_line(up)
    server = live_server(warm_home)
    assert server is not None
    settings = person(home, 0, server)
    os.kill(up.pid, signal.SIGSTOP)  # it takes up no run
    transcript(home, 1, checkout)
    hook("session-end", event(1, checkout, home), worker=True, **settings)
    until(lambda: [one.state for one in read_triggers(warm_home)] == ["waiting"])
    up.kill()
    os.kill(server.pid, signal.SIGKILL)
    up.wait()
    transcript(home, 2, checkout)
    hook("session-end", event(2, checkout, home), worker=True, **settings)
    until(lambda: compiled(store) == {session_id(1), session_id(2)}, 3 * PATIENCE)
    until(lambda: open_runtime().spool.pending() == [] and read_triggers(warm_home) == [])
    until(lambda: is_idle(warm_home))


def test_a_worker_that_compiles_here_leaves_nothing_behind(
    home: Path, checkout: Path, warm_home: Path
) -> None:
    """No Prefect API, the store of this machine: receipt, generation, and then neither worker nor server."""
    transcript(home, 1, checkout)
    hook("session-end", event(1, checkout, home), worker=True)
    until(lambda: compiled(str(warm_home / "store")) == {session_id(1)}, 3 * PATIENCE)
    until(lambda: is_idle(warm_home))
    assert [run.trigger for run in read_runs(open_runtime(), REMOTE, 5)] == ["session end"]
    assert open_runtime().spool.pending() == []
    assert read_triggers(warm_home) == []
    until(lambda: live_server(warm_home) is None)
    assert is_idle(warm_home)


def insisting(ask: Callable[[], T]) -> T:
    """What a server answers; one that is busy, as SQLite is after its migrations, is asked again."""

    def answer() -> tuple[T] | None:
        with suppress(AwayError):
            return (ask(),)
        return None

    return until(answer)[0]


def answer_of(prefect: PrefectServer) -> Asked:
    """What it answers who asks it for a compile."""
    return insisting(lambda: prefect.ask(REMOTE, "none", None))


def test_what_a_real_server_answers(warm_home: Path) -> None:
    """No deployment, a wrong password, one run for all who ask, and another once it has ended."""
    with local_server(warm_home, linger=0.5) as server:
        api = Api(wait_until_healthy(warm_home, server))
        prefect = PrefectServer(homes_rest(server))
        with pytest.raises(NotDeployedError):
            answer_of(prefect)
        flow = api.call("POST", "/flows/", {"name": "compile-context"})["id"]
        schema = {"type": "object", "properties": {"project": {"type": "string"}}, "required": ["project"]}
        deployment = {
            "name": "on-session-end",
            "flow_id": flow,
            "parameter_openapi_schema": schema,
            "tags": ["rlm-context"],
        }
        api.call("POST", "/deployments/", deployment)
        with pytest.raises(RefusedError, match="credentials"):
            answer_of(PrefectServer(PrefectRest(server.url, {"Authorization": "Basic eDp5"})))
        first = answer_of(prefect)
        assert answer_of(prefect) == first
        assert first.state == "waiting"
        found = api.call("GET", f"/flow_runs/{first.run}")
        assert (found["parameters"], sorted(found["tags"])) == ({"project": REMOTE}, [REMOTE, "rlm-context"])
        for state, told in (("RUNNING", "running"), ("COMPLETED", "waiting")):
            change = {"state": {"type": state}, "force": True}
            api.call("POST", f"/flow_runs/{first.run}/set_state", change)
            ended = insisting(lambda: prefect.has_ended(REMOTE, first.run))
            assert ended is (state == "COMPLETED")
            asked = answer_of(prefect)
            assert (asked.state, asked.attempt, asked.run == first.run) == (
                told,
                int(state == "COMPLETED"),
                state == "RUNNING",
            )


def test_a_real_server_tells_heartbeats(warm_home: Path) -> None:
    """When it received the last one of a run, whatever the sender's clock says; None where it knows of none."""
    with local_server(warm_home, linger=0.5, schedules=True) as server:
        api, prefect = Api(wait_until_healthy(warm_home, server)), PrefectServer(homes_rest(server))
        run, begun = str(uuid4()), datetime.now(UTC)
        resource = {"prefect.resource.id": f"prefect.flow-run.{run}"}
        event = {"id": str(uuid4()), "event": "prefect.flow-run.heartbeat", "resource": resource}
        api.call("POST", "/events", [event | {"occurred": (begun + timedelta(hours=3)).isoformat()}])

        assert begun <= until(lambda: insisting(lambda: prefect.heartbeat(run))) <= datetime.now(UTC)
        assert insisting(lambda: prefect.heartbeat(str(uuid4()))) is None
