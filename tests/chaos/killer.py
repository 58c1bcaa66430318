"""Kills parts of a place, from a process of its own: `python -m tests.chaos.killer FOLDER SEED MOST API MODELS`.

SIGKILL goes, in an order drawn by chance in which each gets its turn, to the served deployments, the server, the
database, to a flow run, and to one while models are asked for its project; while a flow run has a process, at most so
many times, and a few seconds after the first generation since the last time, so that all goes on however slow the
machine is. Each kill is a line of JSON in the folder's `kills.jsonl`. It ends after the last,
or when its standard input does.
"""

import contextlib
import os
import random
import select
import signal
import sys
from collections.abc import Iterator
from pathlib import Path

import httpx
import msgspec

from tests.chaos.calls import ASKING
from tests.chaos.place import FlowProcess, flow_processes
from tests.waiting import PATIENCE

KILLS = "kills.jsonl"
FLOW, ASKING_FLOW = "flow", "asking flow"
_PAUSE = 4.0
"""Seconds before a kill, at most."""
_LOOK_SECONDS = 0.1


class Kill(msgspec.Struct, frozen=True):
    """A process that was killed: what it was, its id, and its flow run, "" where it had none."""

    part: str
    pid: int
    run: str


class Killer:
    """Finds whom to kill.

    Args:
        folder: of the place.
        api: the URL of its Prefect server's API.
        models: the URL of what its flow runs ask.
        chance: decides.
    """

    def __init__(self, folder: Path, api: str, models: str, chance: random.Random) -> None:
        self._folder, self._api, self._models, self._chance = folder, api, models, chance
        self._http = httpx.Client(timeout=PATIENCE)  # making one takes longer than a call
        self._projects: dict[str, str] = {}

    def turns(self) -> Iterator[str]:
        """What is killed, in rounds: of flow runs more, since what starts slowly must not keep all from being done."""
        turns = [path.stem for path in sorted(self._folder.glob("*.pid"))] + [FLOW, ASKING_FLOW, ASKING_FLOW]
        while True:
            self._chance.shuffle(turns)
            yield from turns

    def generations(self) -> int:
        """How many there are."""
        return sum(1 for _ in (self._folder / "store" / "gen").rglob("*.json"))

    def choose(self, turn: str) -> Kill | None:
        """Whom to kill at this turn; None where there is nobody now, or no flow run has a process."""
        flows = sorted(flow_processes(self._folder / "home"), key=lambda process: process.pid)
        if flows and turn not in (FLOW, ASKING_FLOW):
            return Kill(turn, int((self._folder / f"{turn}.pid").read_text()), "")
        if turn == ASKING_FLOW:
            asking = self._http.get(self._models + ASKING).json() if flows else []
            flows = [flow for flow in flows if asking and self._project(flow) in asking]
        if not flows:
            return None
        flow = self._chance.choice(flows)
        return Kill(turn, flow.pid, flow.run)

    def _project(self, flow: FlowProcess) -> str:
        """What a flow run compiles; "" where the server does not say it."""
        if flow.run not in self._projects:
            with contextlib.suppress(httpx.HTTPError):
                answer = self._http.get(f"{self._api}/flow_runs/{flow.run}").raise_for_status()
                self._projects[flow.run] = str(answer.json()["parameters"].get("project"))
        return self._projects.get(flow.run, "")


def main() -> None:
    """Kill until told to end."""
    folder, seed, most, api, models = Path(sys.argv[1]), int(sys.argv[2]), int(sys.argv[3]), *sys.argv[4:6]
    chance = random.Random(seed)
    killer = Killer(folder, api, models, chance)
    turns = killer.turns()
    killed: set[int] = set()
    while len(killed) < most and not _told_to_end(chance.uniform(0.0, _PAUSE)):
        turn, before = next(turns), killer.generations()
        while not _told_to_end(_LOOK_SECONDS):
            chosen = killer.choose(turn)
            if chosen is not None and chosen.pid not in killed and _kill(chosen):
                killed.add(chosen.pid)
                with (folder / KILLS).open("ab") as file:
                    file.write(msgspec.json.encode(chosen) + b"\n")
                break
        while killer.generations() == before and not _told_to_end(_LOOK_SECONDS):
            pass


def _told_to_end(seconds: float) -> bool:
    """Whether standard input ends within so many seconds."""
    return bool(select.select([sys.stdin], [], [], seconds)[0])


def _kill(chosen: Kill) -> bool:
    try:
        os.kill(chosen.pid, signal.SIGKILL)
    except ProcessLookupError:
        return False
    return True


def kills_in(folder: Path) -> list[Kill]:
    """What was killed in a place so far."""
    path = folder / KILLS
    lines = path.read_bytes().splitlines() if path.exists() else []
    return [msgspec.json.decode(line, type=Kill) for line in lines]


if __name__ == "__main__":
    main()
