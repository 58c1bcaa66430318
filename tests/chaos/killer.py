"""Kills parts of a place at random, from a process of its own: `python -m tests.chaos.killer FOLDER SEED MOST`.

While a flow run has a process, SIGKILL goes about every four seconds to that, or to the served deployments, the server
or the database; at most so many times. Each kill is a line of JSON in the folder's `kills.jsonl`. It ends when its
standard input does.
"""

import contextlib
import os
import random
import select
import signal
import sys
from pathlib import Path

import msgspec

from tests.chaos.place import flow_processes

KILLS = "kills.jsonl"
_SHARE_OF_FLOWS = 0.65
"""What starts slowly is killed less often, or nothing would ever be done."""


class Kill(msgspec.Struct, frozen=True):
    """A process that was killed: what it was, its id, and its flow run, "" where it had none."""

    part: str
    pid: int
    run: str


def main() -> None:
    """Kill until told to end."""
    folder, seed, most = Path(sys.argv[1]), int(sys.argv[2]), int(sys.argv[3])
    chance = random.Random(seed)
    killed: set[int] = set()
    while len(killed) < most and not select.select([sys.stdin], [], [], chance.uniform(0.0, 8.0))[0]:
        chosen = choose(folder, chance)
        with contextlib.suppress(ProcessLookupError):
            if chosen is not None and chosen.pid not in killed:  # it may not be started again yet
                os.kill(chosen.pid, signal.SIGKILL)
                killed.add(chosen.pid)
                with (folder / KILLS).open("ab") as file:
                    file.write(msgspec.json.encode(chosen) + b"\n")


def choose(folder: Path, chance: random.Random) -> Kill | None:
    """What to kill; None while no flow run has a process: all else only starts then."""
    flows = sorted(flow_processes(folder / "home"), key=lambda process: process.pid)
    if not flows:
        return None
    if chance.random() < _SHARE_OF_FLOWS:
        flow = chance.choice(flows)
        return Kill("flow", flow.pid, flow.run)
    path = chance.choice(sorted(folder.glob("*.pid")))
    return Kill(path.stem, int(path.read_text()), "")


def kills_in(folder: Path) -> list[Kill]:
    """What was killed in a place so far."""
    path = folder / KILLS
    lines = path.read_bytes().splitlines() if path.exists() else []
    return [msgspec.json.decode(line, type=Kill) for line in lines]


if __name__ == "__main__":
    main()
