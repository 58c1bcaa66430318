"""Compiles while parts of a place are killed: uploads, asks for compiles as hooks' workers do, and keeps account."""

import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path
from typing import Any

import httpx

from compiler.runs import read_record
from compiler.runtime import Runtime, open_runtime
from compiler.uploading.upload import upload
from rlm_context.hooks.trigger.asking import ask
from rlm_context.hooks.trigger.decide import still_waiting
from rlm_context.hooks.trigger.prefect import PrefectServer
from rlm_context.hooks.trigger.remote import AwayError
from rlm_context.hooks.trigger.rest import PrefectRest
from tests.chaos.calls import FlowEnd, WatchedModels
from tests.chaos.place import DEAD_AFTER, ROOT, Place, flow_processes
from tests.compiler.models.server_model import fitting, settings_for
from tests.synthetic import write_session

MODELS_AT_ONCE = 4
_LATENCY = 0.3
_LOOK_SECONDS = 0.2
_ASK_SECONDS = 1.5
"""Between two looks at the spool, and triggers for what waits there, as the workers of one session after the other."""
_START = datetime(2026, 1, 5, 9, tzinfo=UTC)
ENDED = frozenset({"COMPLETED", "FAILED", "CRASHED", "CANCELLED"})


def settings(models: WatchedModels, folder: Path) -> dict[str, str]:
    """The environment of compiles in a place with this folder: its store, and models that take their time."""
    models.reply, models.latency = fitting, _LATENCY
    return settings_for(models) | {
        "RLM_CONTEXT_HOME": str(folder / "home"),
        "RLM_CONTEXT_STORE": str(folder / "store"),
        "RLM_CONTEXT_CHUNK_TOKENS": "500",
        "RLM_CONTEXT_MODELS__AT_ONCE": str(MODELS_AT_ONCE),
    }


@dataclass
class Load:
    """Compiles of some projects at once, one after the other in each.

    Args:
        place: where they run.
        models: what they ask.
        compiles: how many, all projects together; more while somebody still kills.
        projects: their names.
        sessions: uploaded before each compile.
        turns: of each session.

    Attributes:
        uploaded: every session, by project.
        ends: the processes of flow runs that are gone.
    """

    place: Place
    models: WatchedModels
    compiles: int
    projects: tuple[str, ...] = ("acme/dune", "acme/reef", "acme/shop", "acme/tide")
    sessions: int = 1
    turns: int = 12
    uploaded: dict[str, set[str]] = field(default_factory=dict)
    ends: list[FlowEnd] = field(default_factory=list)
    _begun: int = 0
    _alive: dict[int, tuple[str, float]] = field(default_factory=dict)
    _asked: float = 0.0

    def run(self, killer: subprocess.Popen[bytes], patience: float) -> Runtime:
        """Go on until every upload is in a generation; the runtime that made them.

        Args:
            killer: who kills meanwhile.
            patience: seconds after which it has failed.

        Raises:
            AssertionError: it took longer.
        """
        deadline = time.monotonic() + patience
        runtime = open_runtime()
        server = self.server(runtime)
        waiting: set[str] = set()
        while self._is_on(killer) or waiting:
            assert time.monotonic() < deadline, (
                f"{self._begun} compiles begun, {sorted(waiting)} wait in vain"
            )
            self.look()
            if time.monotonic() - self._asked > _ASK_SECONDS:
                waiting = self._ask(runtime, server, killer)
            time.sleep(_LOOK_SECONDS)
        return runtime

    def _is_on(self, killer: subprocess.Popen[bytes]) -> bool:
        return self._begun < self.compiles or killer.poll() is None

    def look(self) -> None:
        """Start what is gone, and note which flow processes are."""
        self.place.tend()
        now = time.monotonic()
        alive = {process.pid: process.run for process in flow_processes(self.place.home)}
        for pid in self._alive.keys() - alive.keys():
            run, seen = self._alive.pop(pid)
            self.ends.append(FlowEnd(run, seen, now))
        self._alive |= {pid: (run, now) for pid, run in alive.items()}

    def _upload(self, runtime: Runtime, project: str) -> None:
        folder = self.place.folder / "transcripts" / str(self._begun)
        for number in range(self._begun * self.sessions, (self._begun + 1) * self.sessions):
            session = f"{number:08x}-0000-4000-8000-{number:012x}"
            path = folder / "projects" / "-src-shop" / f"{session}.jsonl"
            start = _START + timedelta(hours=number)
            write_session(path, session_id=session, start=start, turns=self.turns, seed=number)
            self.models.words.learn(path, project)
            self.uploaded.setdefault(project, set()).add(session)
        upload(runtime, [folder], project=project)
        self._begun += 1

    def _ask(self, runtime: Runtime, server: PrefectServer, killer: subprocess.Popen[bytes]) -> set[str]:
        """Upload more where all is compiled, and ask for what waits; the projects that do."""
        for project in set(self.projects) - set(still_waiting(runtime)):
            if self._is_on(killer):
                self._upload(runtime, project)
        waiting = still_waiting(runtime)
        for project in waiting:
            ask(runtime, server, project, is_patient=False)
        self._asked = time.monotonic()
        return set(waiting)

    def server(self, runtime: Runtime) -> PrefectServer:
        """What is asked, as `remote_of` would make it, less patient."""
        record = partial(read_record, runtime.store)
        return PrefectServer(PrefectRest(self.place.api, {}), record=record, patience=DEAD_AFTER)


@contextmanager
def killing(load: Load, seed: int, most: int) -> Iterator[subprocess.Popen[bytes]]:
    """A second process kills parts of the place, so many."""
    numbers = [str(seed), str(most)]
    urls = [load.place.api, load.models.url]
    command = [sys.executable, "-m", "tests.chaos.killer", str(load.place.folder), *numbers, *urls]
    killer = subprocess.Popen(command, cwd=ROOT, stdin=subprocess.PIPE)
    try:
        yield killer
    finally:
        killer.communicate()


def flow_runs(place: Place) -> dict[str, dict[str, Any]]:
    """Every flow run that the server knows, by id."""
    found: dict[str, dict[str, Any]] = {}
    while True:
        body = {"offset": len(found), "limit": 200}
        answer = httpx.post(f"{place.api}/flow_runs/filter", json=body, timeout=30).raise_for_status()
        page = answer.json()
        found |= {run["id"]: run for run in page}
        if len(page) < body["limit"]:
            return found


def settled(load: Load, runtime: Runtime, patience: float) -> dict[str, dict[str, Any]]:
    """Every flow run of compiles, once each has ended or so many seconds have passed."""
    server = load.server(runtime)
    deadline = time.monotonic() + patience
    while True:
        load.look()
        runs = {key: run for key, run in _known(load.place).items() if run["parameters"].get("project")}
        open_still = [run for run in runs.values() if run["state_type"] not in ENDED]
        if runs and not open_still:
            return runs
        for run in open_still:
            with suppress(AwayError):
                server.has_ended(run["parameters"]["project"], run["id"])
        if time.monotonic() > deadline:
            return runs
        time.sleep(1)


def _known(place: Place) -> dict[str, dict[str, Any]]:
    try:
        return flow_runs(place)
    except httpx.HTTPError:  # the server or its database starts again
        return {}
