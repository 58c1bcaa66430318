"""The state of a store and of this machine, for `status`: what is published, what waits, what went wrong."""

import msgspec

from compiler.local_copy import generation_id
from compiler.plan import plan
from compiler.runs import RunRecord, read_runs
from compiler.runtime import Runtime
from store.generations import newest
from store.keys import parse_receipt_key
from store.receipts import projects

_RUNS = 5


class ProjectStatus(msgspec.Struct, kw_only=True):
    """One project: its newest generation, and the receipts that it does not hold yet.

    `created` is Unix milliseconds; `oldest_waiting_ms` the event time of the oldest such receipt, 0 for none.
    """

    project: str
    generation: str | None
    created: int
    sessions: int
    usd: float
    waiting: int
    oldest_waiting_ms: int
    damaged: list[str]
    runs: list[RunRecord]


class Status(msgspec.Struct, kw_only=True):
    """This machine and its store.

    `spool` counts uploads to this store that are kept here, `dead` those that could not be read back.
    """

    home: str
    store: str
    backend: str
    spool: int
    dead: int
    projects: list[ProjectStatus]


def status(runtime: Runtime) -> Status:
    """Look at everything; raises StoreError where the store cannot be read."""
    return Status(
        home=str(runtime.home),
        store=runtime.store.url,
        backend=runtime.backend.name,
        spool=uploads_kept(runtime),
        dead=runtime.spool.dead(),
        projects=[_project(runtime, name) for name in projects(runtime.store)],
    )


def uploads_kept(runtime: Runtime) -> int:
    """How many uploads to this store wait here for a generation that holds them."""
    return sum(job.store_url == runtime.store.url for job in runtime.spool.pending())


def _project(runtime: Runtime, name: str) -> ProjectStatus:
    generation = newest(runtime.store, name)
    waiting = plan(runtime, name).new
    times = [parts.event_ms for key in waiting if (parts := parse_receipt_key(key))]
    manifest = generation.manifest if generation else None
    return ProjectStatus(
        project=name,
        generation=generation_id(manifest) if manifest else None,
        created=manifest.created if manifest else 0,
        sessions=manifest.counts.get("sessions", 0) if manifest else 0,
        usd=manifest.usage.usd if manifest else 0.0,
        waiting=len(waiting),
        oldest_waiting_ms=min(times, default=0),
        damaged=list(generation.damaged) if generation else [],
        runs=read_runs(runtime, name, _RUNS),
    )
