"""`rlm-context up`: one process that keeps a server with schedules and serves the deployments."""

import fcntl
import os
import signal
from collections.abc import Callable
from pathlib import Path
from subprocess import Popen

import pytest

from compiler.runtime import open_runtime
from data_models.errors import PipelineError
from flows import up
from flows.local_server import live_server, local_server, prefect_folder, wait_until_healthy
from flows.served import local_zone
from flows.server_process import try_lock
from flows.server_setup import DEAD_RUNS, NO_CONTAINER, NOT_BEGUN
from flows.up import is_up
from store.generations import newest
from tests.flows.helpers import COMPILE, HOLD, PATIENT, SESSIONS, SOURCE, Api
from tests.waiting import until

Start = Callable[..., Popen[str]]

UP = """
from rlm_context.main import main
import sys
sys.argv[1:] = ["up"]
main()
"""
IN_BACKGROUND = "import signal; signal.signal(signal.SIGINT, signal.SIG_IGN)" + UP
"""As `sh -c 'rlm-context up &'` starts it."""
STATUS = UP.replace('"up"', '"status"')
DEPLOYMENTS = ["ask", "nightly", "on-session-end"]


def ready_line(process: Popen[str]) -> str:
    assert process.stderr is not None
    for line in process.stderr:
        if "rlm-context: " in line:
            return line
    raise AssertionError("it ended without a word")


def nightly(api: Api) -> tuple[bool, bool]:
    """Whether the deployment is paused, and its one schedule active."""
    found = api.call("GET", "/deployments/name/nightly-recompile/nightly")
    (schedule,) = found["schedules"]
    return found["paused"], schedule["active"]


@pytest.fixture
def running(warm_home: Path, start: Start) -> Popen[str]:
    """The command, up."""
    process = start(UP)
    assert ": up at http://127.0.0.1:" in ready_line(process)
    return process


def test_one_command_serves_all_and_stops_cleanly(
    running: Popen[str], warm_home: Path, start: Start, uploaded: str
) -> None:
    """Deployments and automations stand, a triggered run completes, a compile shares the server, SIGTERM ends it."""
    server = live_server(warm_home)
    assert server is not None
    assert server.schedules
    assert is_up(warm_home)
    api = Api(server)
    assert sorted(one["name"] for one in api.call("POST", "/deployments/filter", {})) == DEPLOYMENTS
    automations = api.call("POST", "/automations/filter", {})
    assert sorted(one["name"] for one in automations) == sorted((DEAD_RUNS, NOT_BEGUN, NO_CONTAINER))
    assert nightly(api) == (False, True)
    scheduled = {
        "deployments": {"name": {"any_": ["nightly"]}},
        "flow_runs": {"state": {"type": {"any_": ["SCHEDULED"]}}},
    }
    assert until(lambda: api.call("POST", "/flow_runs/filter", scheduled)), "the nightly never begins"
    deployment = api.call("GET", "/deployments/name/compile-context/on-session-end")
    run = api.call(
        "POST", f"/deployments/{deployment['id']}/create_flow_run", {"parameters": {"project": uploaded}}
    )
    second = start(UP)
    assert "it is up already" in ready_line(second)
    told, _ = start(STATUS).communicate(timeout=PATIENT)
    assert f"Prefect: up at {server.url.removesuffix('/api')}" in told
    out, errors = start(COMPILE, "acme/other", SOURCE).communicate(timeout=PATIENT)
    assert out.split() == [str(SESSIONS), server.url], errors

    def completed() -> bool | None:
        return api.call("GET", f"/flow_runs/{run['id']}")["state_type"] == "COMPLETED" or None

    until(completed)
    assert newest(open_runtime().store, uploaded) is not None
    running.send_signal(signal.SIGTERM)
    assert running.wait(timeout=PATIENT) == 0
    # The server stays for a moment; a schedule that nobody serves would only be late.
    assert nightly(api)[0]
    assert not is_up(warm_home)


def test_it_waits_for_a_compile_and_takes_its_servers_place(warm_home: Path, start: Start) -> None:
    """A server without schedules that a compile uses is not taken away from it, and ended after that."""
    holder = start(HOLD, warm_home)
    assert holder.stdout is not None
    holder.stdout.readline()
    process = start(UP)
    assert "waiting for a compile" in ready_line(process)
    holder.kill()
    assert ": up at http://127.0.0.1:" in ready_line(process)
    server = live_server(warm_home)
    assert server is not None
    assert server.schedules
    process.send_signal(signal.SIGINT)
    assert process.wait(timeout=PATIENT) == 0


def test_it_gets_over_a_lost_server_and_stops_without_ctrl_c(warm_home: Path, start: Start) -> None:
    """The same process has another server at the same address, with the same password; SIGTERM ends it all the same
    where the shell that started it has Ctrl-C ignored."""
    process = start(IN_BACKGROUND)
    assert ": up at http://127.0.0.1:" in ready_line(process)
    first = live_server(warm_home)
    assert first is not None
    os.kill(first.pid, signal.SIGKILL)
    assert "does not answer any more" in ready_line(process)
    assert ": up at http://127.0.0.1:" in ready_line(process)
    second = live_server(warm_home)
    assert second is not None
    assert (second.url, second.auth) == (first.url, first.auth)
    assert second.pid != first.pid
    assert nightly(Api(second)) == (False, True)
    process.send_signal(signal.SIGTERM)
    assert process.wait(timeout=PATIENT) == 0
    assert nightly(Api(second))[0]


def test_it_stops_also_where_its_server_is_gone_by_then(warm_home: Path, start: Start) -> None:
    """As when a machine is shut down, which ends all processes at once."""
    process = start(UP)
    ready_line(process)
    server = live_server(warm_home)
    assert server is not None
    os.kill(server.pid, signal.SIGSTOP)  # it hears nothing of the end
    process.send_signal(signal.SIGTERM)
    assert "stopping" in ready_line(process)
    os.kill(server.pid, signal.SIGKILL)
    assert process.wait(timeout=PATIENT) == 0
    assert not is_up(warm_home)


def test_a_server_of_the_users_own(warm_home: Path, start: Start) -> None:
    """It is named, and no password is said to be in the home; what it refuses is one line."""
    with local_server(warm_home, linger=0.5, schedules=True) as server:
        wait_until_healthy(warm_home, server)
        process = start(UP, PREFECT_API_URL=server.url, PREFECT_API_AUTH_STRING=server.auth)
        told = ready_line(process)
        assert f"the server that you configured: {server.url.removesuffix('/api')}." in told
        assert "password" not in told
        process.send_signal(signal.SIGTERM)
        assert process.wait(timeout=PATIENT) == 0
        refused = start(UP, PREFECT_API_URL=server.url, PREFECT_API_AUTH_STRING="ann:wrong")
        assert "does not accept what `rlm-context up` asks (HTTP 401). Next: " in ready_line(refused)


def test_who_asks_whether_it_is_up_keeps_nobody_from_it(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """`status` holds the lock for a moment in which the command may begin; who holds it for good is in the way."""
    asking = try_lock(prefect_folder(home) / up.UP_LOCK, fcntl.LOCK_SH)
    assert asking is not None

    def asked(home: Path) -> bool:
        found = is_up(home)
        os.close(asking)
        return found

    with monkeypatch.context() as patch:
        patch.setattr(up, "is_up", asked)
        with up._alone(home):
            assert is_up(home)
            patch.undo()
            with pytest.raises(PipelineError, match="up already"), up._alone(home):
                pass


@pytest.mark.parametrize(
    ("name", "zone"), [("Asia/Tokyo", "Asia/Tokyo"), ("No/Such", "UTC"), ("../x", "UTC")]
)
def test_the_nightly_runs_in_this_machines_night(
    name: str, zone: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The system's time zone, and UTC where it has none that is known."""
    monkeypatch.setenv("TZ", name)
    assert local_zone() == zone
