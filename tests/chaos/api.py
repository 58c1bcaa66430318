"""Calls of a Prefect server's REST API that wait until a busy one answers."""

from contextlib import suppress
from http import HTTPStatus
from typing import Any

import httpx

from tests.waiting import until

_PATIENCE = 300.0


def post(url: str, body: dict[str, Any]) -> Any:
    """Post, again where the server is busy: on SQLite it answers 503 then. The answer's JSON."""

    def answer() -> httpx.Response | None:
        found = httpx.post(url, json=body, timeout=60)
        return None if found.status_code == HTTPStatus.SERVICE_UNAVAILABLE else found

    return until(answer, _PATIENCE, step=1).raise_for_status().json()


def deploy(api: str) -> None:
    """Make the deployment that a trigger asks for; nothing serves it, so its runs only wait."""
    flow = post(f"{api}/flows/", {"name": "compile-context"})["id"]
    post(f"{api}/deployments/", {"name": "on-session-end", "flow_id": flow})


def task_runs(api: str) -> int:
    """How many task runs the server knows."""
    count: int = post(f"{api}/task_runs/count", {})
    return count


def places_taken(api: str, limit: str, patience: float) -> int:
    """How many places under a limit are taken: none, or those that are after so many seconds."""

    def taken() -> int:
        found = post(f"{api}/v2/concurrency_limits/filter", {})
        return int(next(one["active_slots"] for one in found if one["name"] == limit))

    with suppress(AssertionError):  # some stay taken
        until(lambda: not taken(), patience, step=1)
    return taken()
