"""Runs that a Prefect server shows as under way and that are dead: whoever asks for a compile closes them.

The automations of `flows.server_setup` do so within minutes, as long as no event is lost. Prefect keeps events in its
server's memory: those of the moment in which it is killed are gone, and so is an action that finds SQLite's database
locked. A worker whose proposal of PENDING was taken, and the answer lost, is told that somebody else has the run, and
nobody begins it. What is left behind so would hold its idempotency key, and its place under the deployment's limit, for
ever.
"""

from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any

import msgspec

PATIENCE = timedelta(minutes=10)
"""Twice what the automations wait: they come first where they can."""
_LONGEST = timedelta(days=1)
"""Of a night, or of a question; nobody holds a lease for them."""

UNDER_WAY = {
    "flow_runs": {
        "tags": {"all_": ["rlm-context"]},
        "state": {"type": {"any_": ["PENDING", "RUNNING", "CANCELLING"]}},
    },
    "limit": 200,
}
"""What `POST /flow_runs/filter` is asked for."""
CRASHED = {
    "state": {
        "type": "CRASHED",
        "name": "Crashed",
        "message": "Nothing was heard of its process. The next run goes on there.",
    },
    "force": False,
}
"""What `POST /flow_runs/{id}/set_state` is told; a run that has ended meanwhile stays as it ended."""


class State(msgspec.Struct, frozen=True):
    """Since when a run is in its state."""

    timestamp: datetime


class Run(msgspec.Struct, frozen=True):
    """A flow run, as far as a trigger looks at it."""

    id: str
    state_type: str | None = None
    state: State | None = None
    deployment_id: str | None = None
    parameters: dict[str, Any] = {}


def is_stale(run: Run, now: datetime, patience: timedelta = PATIENCE) -> bool:
    """Whether a run has been in its state for so long that it may be dead.

    Args:
        run: the run.
        now: by the server's clock, since a run may be of any machine.
        patience: how long that is.
    """
    return run.state is not None and now - run.state.timestamp > patience


def is_dead(
    run: Run, now: datetime, compiles: str, is_compiling: Callable[[str], bool], patience: timedelta
) -> bool:
    """Whether a run that is under way has no process any more.

    One of the compiles has, for as long as somebody holds the lease of its project: who compiles it, or who it waits
    for. Of one that has not begun nothing is known but for how long.

    Args:
        run: the run, in one of the states of `UNDER_WAY`.
        now: see `is_stale`.
        compiles: the id of the deployment that compiles.
        is_compiling: whether somebody compiles a project now.
        patience: see `is_stale`.
    """
    if not is_stale(run, now, patience):
        return False
    if run.state_type == "PENDING":
        return True
    if run.deployment_id != compiles:
        return is_stale(run, now, _LONGEST)
    return not is_compiling(str(run.parameters.get("project", "")))
