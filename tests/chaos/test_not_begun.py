"""A run that a worker took up and never began is closed, so that triggers make another."""

from contextlib import suppress
from datetime import timedelta
from pathlib import Path

import httpx
import pytest

from flows.server_setup import close_runs_not_begun
from rlm_context.hooks.trigger.prefect import PrefectServer
from rlm_context.hooks.trigger.remote import Asked, AwayError
from rlm_context.hooks.trigger.rest import PrefectRest
from tests.chaos.api import deploy, post
from tests.chaos.place import running
from tests.waiting import PATIENCE, until

PROJECT = "acme/tide"


def ask(server: PrefectServer) -> Asked:
    """Ask for a compile, again where SQLite is busy."""

    def asked() -> Asked | None:
        with suppress(AwayError):
            return server.ask(PROJECT, "none", None)
        return None

    return until(asked)


def take_up(api: str, asked: Asked) -> None:
    """Do what a worker does before it starts a process."""
    taken_up = {"state": {"type": "PENDING", "name": "Submitting"}}
    post(f"{api}/flow_runs/{asked.run}/set_state", taken_up)


def has_ended(server: PrefectServer, asked: Asked) -> bool:
    """Whether a run has ended, as far as a busy server says it."""
    with suppress(AwayError):
        return server.has_ended(PROJECT, asked.run)
    return False


pytestmark = pytest.mark.timeout(600)


def test_a_run_that_its_worker_left_behind_holds_nobody_up(tmp_path: Path) -> None:
    """Taken up and never begun: triggers still get that run, until it counts as crashed; then they get a new one."""
    with running(tmp_path) as place:
        deploy(place.api)
        impatient = close_runs_not_begun("impatient", timedelta(seconds=10))
        post(f"{place.api}/automations/", impatient.model_dump(mode="json"))
        server = PrefectServer(PrefectRest(place.api, {}))
        left = ask(server)
        take_up(place.api, left)
        assert ask(server).run == left.run
        until(lambda: has_ended(server, left), 3 * PATIENCE)
        asked = ask(server)
        assert (asked.attempt, asked.run == left.run) == (1, False)


def in_pool(api: str, kind: str) -> str:
    """A run of a deployment in a work pool of that type, taken up by a worker that is gone; its id."""
    pool = post(f"{api}/work_pools/", {"name": kind, "type": kind})["name"]
    flow = post(f"{api}/flows/", {"name": "compile-context"})["id"]
    deployment = {"name": kind, "flow_id": flow, "work_pool_name": pool, "tags": ["rlm-context"]}
    made = post(f"{api}/deployments/", deployment)["id"]
    run = post(f"{api}/deployments/{made}/create_flow_run", {})["id"]
    take_up(api, Asked("waiting", run))
    return str(run)


def test_a_container_may_wait_for_its_image(tmp_path: Path) -> None:
    """What closes processes that do not begin leaves it alone, by the type of its work pool."""
    with running(tmp_path) as place:
        closing = close_runs_not_begun("processes", timedelta(seconds=10), "process")
        post(f"{place.api}/automations/", closing.model_dump(mode="json"))
        container, process = in_pool(place.api, "docker"), in_pool(place.api, "process")

        def state(run: str) -> str:
            return str(httpx.get(f"{place.api}/flow_runs/{run}", timeout=60).json()["state_type"])

        until(lambda: state(process) == "CRASHED", 3 * PATIENCE)
        assert state(container) == "PENDING"


def test_nor_does_one_of_which_the_server_lost_the_event(tmp_path: Path) -> None:
    """Killed in that moment, it knows the run and not since when; whoever asks closes it, by the real API."""
    with running(tmp_path) as place:
        deploy(place.api)
        for automation in post(f"{place.api}/automations/filter", {}):
            httpx.delete(f"{place.api}/automations/{automation['id']}", timeout=60).raise_for_status()
        server = PrefectServer(
            PrefectRest(place.api, {}), record=lambda key: None, patience=timedelta(seconds=2)
        )
        left = ask(server)
        take_up(place.api, left)
        asked = until(lambda: found if (found := ask(server)).run != left.run else None, 3 * PATIENCE)
        assert (asked.attempt, asked.state) == (1, "waiting")
        ended = httpx.get(f"{place.api}/flow_runs/{left.run}", timeout=60).json()
        assert ended["state_type"] == "CRASHED"
