"""The state of a store and of this machine, for `status`: what is published, what waits, what went wrong."""

from pathlib import Path

import msgspec

from compiler.costs import at_prices
from compiler.local_copy import generation_id
from compiler.plan import plan
from compiler.runs import RunRecord, read_runs
from compiler.runtime import Runtime
from compiler.turn import compile_lease
from compiler.uploads import AuthorUploads, uploads_by_author
from data_models.env import raw_folder, worker_log
from data_models.records import Manifest, Usage
from rlm.prices import PRICES_DATE
from store.batches import open_batches, projects_with_batches
from store.generations import history, newest
from store.keys import parse_receipt_key
from store.leases import Holder, holder
from store.receipts import projects

_RUNS = 5


class Spent(msgspec.Struct, kw_only=True):
    """What the generations of a project cost that the store still has.

    `last` is what the newest one cost, `total` all of them since the oldest (`since`, Unix milliseconds, 0 for
    none). Dollars are at today's prices, so that one date stands for all. What a run had spent that ended before
    it published is in neither; its answers are kept.
    """

    last: Usage
    total: Usage
    generations: int
    since: int


class HandedOver(msgspec.Struct, kw_only=True):
    """A batch of model calls that a provider works on, or that no compile has collected yet.

    `since` is Unix milliseconds; `sessions` are those that wait for it; `usd` the most that its answers can cost, 0
    where the model's price is not known.
    """

    since: int
    model: str
    calls: int
    sessions: int
    usd: float


class ProjectStatus(msgspec.Struct, kw_only=True):
    """One project: its newest generation, and the receipts that it does not hold yet.

    `created` is Unix milliseconds; `oldest_waiting_ms` the event time of the oldest such receipt, 0 for none;
    `usd` what the newest generation cost, and `spent` the same in full; `authors` who uploaded what, the one with
    the newest session first; `batches` the calls that a night handed over, the oldest first; `compiling` who compiles
    it now, None for nobody.
    """

    project: str
    generation: str | None
    created: int
    sessions: int
    usd: float
    spent: Spent
    waiting: int
    oldest_waiting_ms: int
    damaged: list[str]
    authors: list[AuthorUploads]
    batches: list[HandedOver]
    compiling: Holder | None
    runs: list[RunRecord]


class Status(msgspec.Struct, kw_only=True):
    """This machine and its store.

    `ended` counts sessions whose end a hook noted and that no worker took up yet, `worker_log` says what workers
    did, `spool` counts uploads to this store that are kept here, `dead` those that could not be read back;
    `prices_date` is the day of the price table behind all dollars.
    """

    home: str
    store: str
    backend: str
    ended: int
    worker_log: str
    spool: int
    dead: int
    prices_date: str
    projects: list[ProjectStatus]


def status(runtime: Runtime) -> Status:
    """Look at everything; raises StoreError where the store cannot be read."""
    return Status(
        home=str(runtime.home),
        store=runtime.store.url,
        backend=runtime.backend.name,
        ended=_ended(runtime),
        worker_log=worker_log(str(runtime.home)),
        spool=uploads_kept(runtime),
        dead=runtime.spool.dead(),
        prices_date=PRICES_DATE,
        projects=_projects(runtime),
    )


def uploads_kept(runtime: Runtime) -> int:
    """How many uploads to this store wait here for a generation that holds them."""
    return len(runtime.spool.waiting(runtime.store))


def _ended(runtime: Runtime) -> int:
    folder = Path(raw_folder(str(runtime.home)))
    return sum(not path.name.startswith(".") for path in folder.iterdir()) if folder.is_dir() else 0


def _projects(runtime: Runtime) -> list[ProjectStatus]:
    # One look for all: most projects have no batch, ever.
    batched = set(projects_with_batches(runtime.store))
    return [
        _project(runtime, name, _handed_over(runtime, name) if name in batched else [])
        for name in projects(runtime.store)
    ]


def _handed_over(runtime: Runtime, name: str) -> list[HandedOver]:
    """A project's batches; what is damaged of them the next compile says."""
    return [
        HandedOver(
            since=record.since,
            model=record.model,
            calls=record.calls,
            sessions=len(record.uploads),
            usd=record.usd,
        )
        for _, record, _ in open_batches(runtime.store, name)[0]
    ]


def _project(runtime: Runtime, name: str, batches: list[HandedOver]) -> ProjectStatus:
    generation = newest(runtime.store, name)
    waiting = plan(runtime, name).new
    times = [parts.event_ms for key in waiting if (parts := parse_receipt_key(key))]
    manifest = generation.manifest if generation else None
    catalog = runtime.catalog([manifest] if manifest else [])
    spent = _spent(runtime, name, manifest)
    return ProjectStatus(
        project=name,
        generation=generation_id(manifest) if manifest else None,
        created=manifest.created if manifest else 0,
        sessions=manifest.counts.get("sessions", 0) if manifest else 0,
        usd=spent.last.usd,
        spent=spent,
        waiting=len(waiting),
        oldest_waiting_ms=min(times, default=0),
        damaged=list(generation.damaged) if generation else [],
        authors=uploads_by_author(runtime.store, name, catalog.values(), set(waiting)),
        batches=batches,
        compiling=holder(runtime.store, compile_lease(name)),
        runs=read_runs(runtime, name, _RUNS),
    )


def _spent(runtime: Runtime, name: str, shown: Manifest | None) -> Spent:
    """The costs of a project's generations; siblings that were published at once were both paid."""
    prices = runtime.account().prices
    made = [generation.manifest for generation in history(runtime.store, name)[0]]
    return Spent(
        last=at_prices(shown.usage, prices) if shown else Usage(),
        total=at_prices(sum((manifest.usage for manifest in made), Usage()), prices),
        generations=len(made),
        since=min((manifest.created for manifest in made), default=0),
    )
