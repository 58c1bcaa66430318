"""Memory and time of a question over a project that no model could read at once.

    python -m benchmarks.ask_memory [--megabytes 300] [--sessions 600]

Makes a project of so much text in a temporary home, then, in a process of its own, opens its messages as the context of
a recursive run whose (scripted) model greps all of them twice, slices and finishes. Prints the seconds of each part and
the peak memory of that process, beside that of one that asks the same of a project of 1 MB.
"""

import argparse
import asyncio
import json
import os
import random
import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import msgspec

from compiler.asking.corpus import Corpus
from compiler.asking.library import Library
from compiler.local_copy import Copy
from data_models.arrow import events_to_parquet
from data_models.events import Event
from data_models.records import BlobRef, CatalogEntry
from rlm.budget import Budget
from rlm.clients.scripted import EchoClient, QueueClient
from rlm.engine import RLM
from store.blobs import put_blob
from store.registry import open_store

WORDS = [
    f"{a}{b}" for a in ("ka", "lo", "mi", "ren", "sta", "vo") for b in ("dor", "lin", "mas", "pek", "tur")
]
MESSAGE = 1_000  # characters: two thirds of real messages are tool calls and results

TURNS = [
    "```repl\nprint(context_len(), len(context_grep('NEEDLE')))\n```",
    "```repl\nhits = context_grep('kador lin|NEEDLE', 1000)\nprint(len(hits))\n```",
    "```repl\nrows = context_slice(context_len() - 100)\nfinish(str(len(rows)))\n```",
]


def make_project(folder: Path, megabytes: float, sessions: int) -> None:
    """Write sessions of invented messages, and the catalog of a local copy that names them."""
    store = open_store(str(folder / "store"))
    chance = random.Random(1)
    count = max(int(megabytes * 1e6 / sessions / MESSAGE), 1)
    lines = []
    for number in range(sessions):
        name = f"{chance.getrandbits(128):032x}"
        events = [event(seq, chance) for seq in range(1, count + 1)]
        parquet = events_to_parquet(events, session_id=name, agent="a", author="ann", project="p")
        lines.append(msgspec.json.encode(entry(name, number, count, put_blob(store, parquet))))
    copy = folder / "copy"
    copy.mkdir()
    (copy / "sessions.jsonl").write_bytes(b"\n".join(lines) + b"\n")


def event(seq: int, chance: random.Random) -> Event:
    """One message."""
    words = " ".join(chance.choices(WORDS, k=MESSAGE // 6))
    return Event(
        seq=seq, block=0, role="human", kind="prompt", text=words, time=1_760_000_000_000 + seq * 1000
    )


def entry(name: str, number: int, count: int, parquet: BlobRef) -> CatalogEntry:
    """A session in the catalog."""
    return CatalogEntry(
        receipt="r", session_id=name, agent="a", author="ann", title="", branch="", started=number + 1,
        ended=number + 1, events=count, prompts=count, slim=parquet, parquet=parquet, chunks=(), digest="",
    )  # fmt: skip


def ask(folder: Path) -> dict[str, float]:
    """Ask in this process; seconds by part, characters, peak memory in MB."""
    store = open_store(str(folder / "store"))
    begun = time.perf_counter()
    library = Library(store, [Copy("p", "1", str(folder / "copy"))])
    corpus = Corpus(library)
    opened = time.perf_counter()
    rlm = RLM(QueueClient(TURNS), EchoClient(), budget=Budget(iterations=len(TURNS)))
    result = asyncio.run(rlm.complete("?", corpus))
    ended = time.perf_counter()
    assert result.stopped_by == "answer", result
    steps = [record["seconds"] for record in result.trajectory.records if record["kind"] == "step"]
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    return {
        "rows": len(corpus),
        "open, count rows": opened - begun,
        "two greps": steps[0] + steps[1],
        "slice": steps[2],
        "all": ended - begun,
        "peak MB": peak,
    }


def measured(megabytes: float, sessions: int) -> dict[str, float]:
    """Make a project, ask in a fresh process."""
    with tempfile.TemporaryDirectory() as name:
        make_project(Path(name), megabytes, sessions)
        command = [sys.executable, "-m", "benchmarks.ask_memory", "--ask", name]
        done = subprocess.run(command, capture_output=True, text=True, check=True, env=dict(os.environ))
    result: dict[str, float] = json.loads(done.stdout)
    return result


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--megabytes", type=float, default=300)
    parser.add_argument("--sessions", type=int, default=600)
    parser.add_argument("--ask", type=Path, help=argparse.SUPPRESS)
    asked = parser.parse_args()
    if asked.ask:
        print(json.dumps(ask(asked.ask)))
        return
    small, large = measured(1, 2), measured(asked.megabytes, asked.sessions)
    print(f"{'':24}{'1 MB':>12}{f'{asked.megabytes:g} MB':>12}")
    for name, value in large.items():
        print(f"{name:24}{small[name]:12,.1f}{value:12,.1f}")


if __name__ == "__main__":
    main()
