"""Asks a Prefect server for a compile: an idempotent `create_flow_run`.

Three things are asked of Prefect's API (`rest`): the deployment by its name, the runs that are under way, and a flow
run of it. The server lets one run exist for each idempotency key, however often and by whomever it is asked for; so
those that are dead are closed before (`dead`).
"""

from collections.abc import Callable
from contextlib import suppress
from datetime import datetime, timedelta
from urllib.parse import quote

import msgspec

from compiler.runs import RunRecord
from rlm_context.hooks.trigger.dead import CRASHED, PATIENCE, UNDER_WAY, Evidence, Run, is_dead, is_stale
from rlm_context.hooks.trigger.record import Trigger
from rlm_context.hooks.trigger.remote import Asked, NotDeployedError, RefusedError
from rlm_context.hooks.trigger.rest import DEPLOYMENT, PrefectRest

_ENDED = frozenset({"COMPLETED", "FAILED", "CRASHED", "CANCELLED"})
_NOT_BEGUN = frozenset({None, "SCHEDULED", "PENDING"})
_MOST_ATTEMPTS = 500
"""Runs of one generation that failed, one for each time that somebody asked."""
_CLOCKS_AHEAD = timedelta(days=1)


class _Deployment(msgspec.Struct):
    id: str
    flow_id: str = ""


class _Event(msgspec.Struct):
    received: datetime


class _Events(msgspec.Struct):
    events: list[_Event]


class _Changed(msgspec.Struct):
    status: str


class PrefectServer:
    """A Prefect server with its deployment `compile-context/on-session-end`: a `Remote`.

    Args:
        rest: its API.
        by: who asks, which the runs' tags say; "" leaves it out.
        record: reads the record of a run in our store (`compiler.runs.read_record`); None where there is no store to
            look at, and no run is called dead.
        patience: how long a run may be in one state before it can be called so.
    """

    name = "Prefect"

    def __init__(
        self,
        rest: PrefectRest,
        by: str = "",
        record: Callable[[str], RunRecord | None] | None = None,
        patience: timedelta = PATIENCE,
    ) -> None:
        self._rest, self._by = rest, by
        self._record, self._patience = record, patience
        self.is_here = rest.is_here

    def ask(self, project: str, generation: str, before: Trigger | None) -> Asked:
        """See `Remote.ask`. A run of this generation that has ended makes room for another attempt."""
        deployment = self._deployment()
        self._close_dead(deployment.flow_id)
        first = before.attempt if before and before.generation == generation else 0
        doubt = ""
        for attempt in range(first, first + _MOST_ATTEMPTS):
            run = self._create(deployment.id, project, f"compile:{project}:{generation}:{attempt}")
            if run.state_type not in _ENDED:
                begun = run.state_type not in _NOT_BEGUN
                return Asked("running" if begun else "waiting", run.id, attempt, doubt)
            doubt = _doubt(run, before)
        raise RefusedError(
            f"{_MOST_ATTEMPTS} runs ended without a generation", next_command="rlm-context status"
        )

    def has_ended(self, project: str, run: str) -> bool:
        """See `Remote.has_ended`; a run that was deleted has ended too, and one that is found dead does."""
        try:
            found = self._rest.get(f"/flow_runs/{quote(run, safe='')}", Run)
        except NotDeployedError:
            return True
        if found.state_type in _ENDED:
            return True
        return is_stale(found, self._rest.now, self._patience) and run in self._close_dead(
            self._deployment().flow_id
        )

    def _deployment(self) -> _Deployment:
        """The deployment's id and that of its flow."""
        return self._rest.get(f"/deployments/name/{DEPLOYMENT}", _Deployment)

    def _close_dead(self, compiles: str) -> set[str]:
        """Tell the server which of our runs are dead, given the flow that compiles; the ids of those that it closed."""
        if self._record is None:
            return set()
        evidence = Evidence(compiles, self._record, self.heartbeat)
        runs = self._rest.post("/flow_runs/filter", UNDER_WAY, list[Run])
        now = self._rest.now
        dead = [run.id for run in runs if is_dead(run, now, evidence, self._patience)]
        closed = set()
        for run in dead:
            with suppress(RefusedError):  # gone, or not for us to close: we came to ask
                self._rest.post(f"/flow_runs/{quote(run, safe='')}/set_state", CRASHED, _Changed)
                closed.add(run)
        return closed

    def heartbeat(self, run: str) -> datetime | None:
        """When the server last received a heartbeat of a run; None where it has none on record, or shows none.

        Raises:
            AwayError: the server gives no answer now.
        """
        chosen = {
            # The sender's clock says when it occurred: it may be ahead.
            "occurred": {"until": (self._rest.now + _CLOCKS_AHEAD).isoformat()},
            "event": {"name": ["prefect.flow-run.heartbeat"]},
            "resource": {"id": [f"prefect.flow-run.{run}"]},
        }
        try:
            found = self._rest.post("/events/filter", {"filter": chosen, "limit": 1}, _Events).events
        except RefusedError:
            return None
        return found[0].received if found else None

    def _create(self, deployment: str, project: str, key: str) -> Run:
        body = {
            "parameters": {"project": project},
            "idempotency_key": key,
            "name": f"compile {project}",
            "tags": ["rlm-context", project, *([f"by:{self._by}"] if self._by else [])],
        }
        return self._rest.post(f"/deployments/{quote(deployment, safe='')}/create_flow_run", body, Run)


def _doubt(run: Run, before: Trigger | None) -> str:
    """Why a run that ended may compile another store: one that had not begun when it was asked for has done nothing."""
    is_ours = before is not None and before.state == "waiting" and before.run == run.id
    if not is_ours or run.state_type != "COMPLETED":
        return ""
    return f"a run of {DEPLOYMENT} ended without this machine's sessions: does it use the same store?"
