"""What a run of chaos comes to, and what is wrong with it."""

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from compiler.maintenance.verify import verify_store
from compiler.runs import read_runs
from compiler.runtime import Runtime
from data_models.errors import StoreError
from store.generations import heads, read_catalog, verify
from tasks.options import MODELS_TAG
from tests.chaos.api import places_taken
from tests.chaos.calls import WatchedModels, asked, in_flight, repeated
from tests.chaos.killer import kills_in
from tests.chaos.place import running
from tests.chaos.run import ENDED, Load, killing, settled

_ALL = 1 << 20
_PATIENCE = 600.0
_PATIENCE_EACH = 60.0
"""Seconds for a compile, with all that dies meanwhile and on a busy machine."""
_LEASE = 180.0
"""Seconds until places that dead task runs held are given back: a lease of a minute, and who looks for those."""
_QUIET = 600.0
"""Seconds until the server's automations have closed the last dead run."""


@dataclass(frozen=True)
class Outcome:
    """What stands once everything is quiet.

    Attributes:
        kills: processes killed, by part.
        sessions: how many were uploaded.
        missing: those that the newest generation of their project does not hold.
        generations: how many were published.
        torn: those that do not verify, and damaged or missing objects of the store.
        calls: what models were asked.
        repeated: how many of those had been asked before.
        in_flight: how many were on their way when a process of their project ended.
        states: Prefect's flow runs by state.
        killed: the states of those whose process was killed.
        records: the store's own records of runs, by state.
        places: for tasks that ask models, which the server still counts as taken.
    """

    kills: Counter[str]
    sessions: int
    missing: list[str]
    generations: int
    torn: list[str]
    calls: int
    repeated: int
    in_flight: int
    states: Counter[str]
    killed: Counter[str]
    records: Counter[str]
    places: int

    def problems(self) -> Iterator[str]:
        """What must not be."""
        if self.missing:
            yield f"in no generation: {self.missing}"
        if self.torn:
            yield f"torn: {self.torn}"
        if self.repeated > self.in_flight:
            yield f"{self.repeated} calls repeated, {self.in_flight} were in flight when a process ended"
        if open_still := {state: count for state, count in self.states.items() if state not in ENDED}:
            yield f"runs that never ended: {open_still}"
        if wrong := self.killed.keys() - {
            "CRASHED",
            "COMPLETED",
        }:  # killed after it had said that it was done
            yield f"killed runs show as {sorted(wrong)}"
        if self.records["running"]:
            yield f"{self.records['running']} runs are still on record as running"
        if self.records["completed"] < self.states["COMPLETED"]:
            yield f"{self.states['COMPLETED']} runs completed, {self.records['completed']} left a record"
        # A server that dies between counting a place and noting who has it loses that one.
        if self.places > self.kills["server"] + self.kills["database"]:
            yield f"{self.places} places for tasks that ask models are held by nobody who lives"


def chaos(
    folder: Path, models: WatchedModels, seed: int, *, compiles: int, kills: int, database: str
) -> Outcome:
    """Compile while another process kills; then wait until all is quiet.

    Args:
        folder: for all files. This process's environment is that of `run.settings` for it.
        models: what is asked.
        seed: of the kills.
        compiles: how many at least, in four projects.
        kills: how many.
        database: "sqlite" or "postgresql".
    """
    with running(folder, {}, database) as place:
        load = Load(place, models, compiles)
        with killing(load, seed, kills) as killer:
            runtime = load.run(killer, _PATIENCE + _PATIENCE_EACH * compiles)
        return outcome(load, runtime, settled(load, runtime, _QUIET))


def outcome(load: Load, runtime: Runtime, runs: dict[str, dict[str, Any]]) -> Outcome:
    """Take stock.

    Args:
        load: what was compiled.
        runtime: of the store.
        runs: Prefect's flow runs, once all have ended.
    """
    models, killed = load.models, kills_in(load.place.folder)
    projects = {key: str(run["parameters"]["project"]) for key, run in runs.items()}
    keys = list(runtime.store.itself.keys("gen"))
    records = [record for project in load.projects for record in read_runs(runtime, project, _ALL)]
    return Outcome(
        kills=Counter(kill.part for kill in killed),
        sessions=sum(map(len, load.uploaded.values())),
        missing=list(_missing(load, runtime)),
        generations=len(keys),
        torn=[*_torn(runtime, keys), *(fault.key for fault in verify_store(runtime).faults)],
        calls=len(asked(models)),
        repeated=sum(1 for _ in repeated(asked(models))),
        in_flight=sum(in_flight(models, load.ends, projects).values()),
        states=Counter(run["state_type"] for run in runs.values()),
        killed=Counter(runs[kill.run]["state_type"] for kill in killed if kill.run in runs),
        records=Counter(record.state for record in records),
        places=places_taken(load.place.api, f"tag:{MODELS_TAG}", _LEASE),
    )


def _missing(load: Load, runtime: Runtime) -> Iterator[str]:
    for project, sessions in load.uploaded.items():
        manifests = [head.manifest for head in heads(runtime.store, project)]
        yield from sessions - {session for _, session in read_catalog(runtime.store, manifests)}


def _torn(runtime: Runtime, keys: list[str]) -> Iterator[str]:
    for key in keys:
        try:
            verify(runtime.store.itself, key)
        except StoreError:
            yield key
