"""Calls of a Prefect server's REST API that wait until a busy one answers."""

import time
from typing import Any

import httpx

_PATIENCE = 300.0


def post(url: str, body: dict[str, Any]) -> Any:
    """Post, again where the server is busy: on SQLite it answers 503 then. The answer's JSON."""
    deadline = time.monotonic() + _PATIENCE
    while (answer := httpx.post(url, json=body, timeout=60)).status_code == 503:
        if time.monotonic() > deadline:
            break
        time.sleep(1)
    return answer.raise_for_status().json()


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
    deadline = time.monotonic() + patience
    while True:
        found = post(f"{api}/v2/concurrency_limits/filter", {})
        taken: int = next(one["active_slots"] for one in found if one["name"] == limit)
        if not taken or time.monotonic() > deadline:
            return taken
        time.sleep(1)
