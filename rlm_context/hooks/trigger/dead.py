"""Runs that a Prefect server shows as under way and that are dead: whoever asks for a compile closes them.

The automations of `flows.server_setup` do so within minutes, as long as no event is lost. Prefect keeps events in its
server's memory: those of the moment in which it is killed are gone, and so is an action that finds SQLite's database
locked. A worker whose proposal of PENDING was taken, and the answer lost, is told that somebody else has the run, and
nobody begins it. What is left behind so would hold its idempotency key, and its place under the deployment's limit, for
ever.

That nothing is known of a run proves nothing: whoever asks may have another store than those who compile, or another
clock, and the server may have lost events. So a run is dead only by evidence (`is_dead`):

1. Its record, where our store has it. A compile writes that before anything else, and labels its run with the key of it
   (`tasks.announcing`); it says every minute that it lives, until the flow ends. On this machine its process counts.
2. Without the label a compile never began. It has ten minutes for that, and needs seconds.
3. Where our store lacks the record that the label names, that is in another store, and for those who use it to judge;
   or it is gone. So that nothing stands for ever, such a run is dead when the server has had no heartbeat of it for an
   hour, or never one in a day. So is a night, or a question, which have no label.

Whatever the record says, a heartbeat is a sign of life too. Times are the server's: a record tells how long its run had
taken when it was written, and the server when that began, so no two machines' clocks are compared.
"""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

import msgspec

from compiler.runs import RECORD_LABEL, RunRecord
from store.leases import has_ended
from store.machine import machine

PATIENCE = timedelta(minutes=10)
"""Twice what the automations wait: they come first where they can. Ten signs of life that a record lacks."""
_PULLS_IN = timedelta(hours=1)
"""A container, whose image may have to be pulled first."""
_UNHEARD = timedelta(hours=1)
"""Without a heartbeat, where there were some: a server that is busy loses a few in a row, and never a hundred."""
_LONGEST = timedelta(days=1)
"""Of what nothing at all is heard; and of this machine's sleep, in which a process is there and says nothing."""
_MOST_SECONDS = 1e9
"""Thirty years: a record may hold any number, and Python's times end."""

UNDER_WAY = {
    "flow_runs": {
        "tags": {"all_": ["rlm-context"]},
        "state": {"type": {"any_": ["PENDING", "RUNNING", "CANCELLING"]}},
    },
    "sort": "START_TIME_ASC",
    "limit": 200,
}
"""What `POST /flow_runs/filter` is asked for; the oldest first, since a run counts as dead only after minutes."""
CRASHED = {
    "state": {
        "type": "CRASHED",
        "name": "Crashed",
        "message": "Nothing was heard of its process. The next run goes on there.",
    },
    "force": False,
}
"""What `POST /flow_runs/{id}/set_state` is told; a run that has ended meanwhile stays as it ended."""

_WORKER = "prefect.worker.type"
"""The label that a worker gives a run before it submits it to its infrastructure (`prefect.workers.base`)."""


class State(msgspec.Struct, frozen=True):
    """Since when a run is in its state."""

    timestamp: datetime


class Run(msgspec.Struct, frozen=True):
    """A flow run, as far as a trigger looks at it. `start_time` is when it first was RUNNING."""

    id: str
    flow_id: str = ""
    state_type: str | None = None
    state_name: str | None = None
    state: State | None = None
    start_time: datetime | None = None
    work_pool_name: str | None = None
    labels: dict[str, Any] = {}


@dataclass(frozen=True)
class Evidence:
    """Where to look.

    Attributes:
        compiles: the id of the flow that compiles.
        record: reads the record under a key of our store; None where there is none.
        heartbeat: when the server last received a heartbeat of a run, by its id; None where it knows of none.
    """

    compiles: str
    record: Callable[[str], RunRecord | None]
    heartbeat: Callable[[str], datetime | None]


def is_stale(run: Run, now: datetime, patience: timedelta = PATIENCE) -> bool:
    """Whether a run has been in its state for so long that it may be dead.

    Args:
        run: the run.
        now: by the server's clock, since a run may be of any machine.
        patience: how long that is.
    """
    return run.state is not None and now - run.state.timestamp > patience


def is_dead(run: Run, now: datetime, evidence: Evidence, patience: timedelta = PATIENCE) -> bool:
    """Whether a run that is under way has no process any more, or never gets one.

    Args:
        run: the run, in one of the states of `UNDER_WAY`.
        now: see `is_stale`.
        evidence: where to look.
        patience: how long a run may be in one state, and say nothing, before it may be dead.
    """
    if run.state is None or not is_stale(run, now, patience):
        return False
    if run.state_type == "PENDING":
        return is_stale(run, now, _PULLS_IN) if _may_pull(run) else True
    label = run.labels.get(RECORD_LABEL)
    record = evidence.record(label) if isinstance(label, str) else None
    if record is not None and record.state == "running" and has_ended(record.machine, record.process):
        return True
    heartbeat = evidence.heartbeat(run.id)
    if record is not None:
        heard, wait = _heard(run, run.state, record), _LONGEST if _may_sleep(record) else patience
    elif label is None and run.flow_id == evidence.compiles:
        heard, wait = run.state.timestamp, patience
    else:
        heard, wait = run.state.timestamp, _UNHEARD if heartbeat else _LONGEST
    return now - max(heard, heartbeat or heard) > wait


def _may_pull(run: Run) -> bool:
    """Whether a run that has not begun may wait for a container.

    Prefect calls it Pending once a worker has taken it up, which lasts for a moment, and Submitting while the worker
    asks for infrastructure and that starts; pools without workers, of Prefect Cloud, have names of their own for that.
    What `rlm-context up` serves is in no pool, and begins as quickly as a worker's own processes.
    """
    worker = run.labels.get(_WORKER)
    if run.work_pool_name is None or worker == "process":
        return False
    return worker is not None or run.state_name != "Pending"


def _heard(run: Run, state: State, record: RunRecord) -> datetime:
    """When a run last wrote its record."""
    began = state.timestamp
    if run.state_type == "CANCELLING" and run.start_time is not None:
        began = run.start_time
    return began + timedelta(seconds=min(max(record.seconds, 0.0), _MOST_SECONDS))


def _may_sleep(record: RunRecord) -> bool:
    """Whether a run's process is on this machine: it may have slept with it, and says so within a minute of waking."""
    return record.state == "running" and record.machine == machine()
