"""Compiles with models while another process kills flow runs, the served deployments, the Prefect server, the database.

    python -m benchmarks.chaos [--compiles 200] [--kills 60] [--seed N] [--database sqlite|postgresql]

Four projects, a session before each compile, models on loopback that answer after 0.3 s (`tests/chaos/`). Goals: every
session is in a generation; each generation verifies; calls that came again are at most those that were in flight
as a process of their project ended, as the models' server counts them; every run that Prefect knows has ended, those
that were killed as crashed, and each that completed left its record in the store; of the places for tasks that ask
models each kill of server or database loses one at most. Exits 1 where one is missed. Runs without a sign of life are
closed after 90 seconds here. There are more compiles where kills take longer. Linux only.
"""

import argparse
import os
import random
import sys
import tempfile
import time
from pathlib import Path

from tests.chaos.calls import WatchedModels
from tests.chaos.outcome import Outcome, chaos
from tests.chaos.run import settings


def main(options: argparse.Namespace) -> int:
    """Print the account; 1 where a goal was missed."""
    print(f"seed {options.seed}")
    for name in [name for name in os.environ if name.startswith(("RLM_CONTEXT_", "PREFECT_"))]:
        del os.environ[name]
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as folder, WatchedModels() as models:
        os.environ |= settings(models, Path(folder)) | {"HOME": folder}
        begun = time.monotonic()
        found = chaos(
            Path(folder),
            models,
            options.seed,
            compiles=options.compiles,
            kills=options.kills,
            database=options.database,
        )
    show(found, time.monotonic() - begun)
    problems = list(found.problems())
    for problem in problems:
        print(f"MISSED: {problem}")
    return int(bool(problems))


def show(found: Outcome, seconds: float) -> None:
    """The account as a table: a line for each part of it."""
    rows = {
        "seconds": f"{seconds:,.0f}",
        "killed": _listed(found.kills),
        "sessions": f"{found.sessions:,}; in no generation: {len(found.missing)}",
        "generations": f"{found.generations:,}; torn: {len(found.torn)}",
        "calls of models": f"{found.calls:,}; in flight when a process ended: {found.in_flight}; "
        f"repeated: {found.repeated}",
        "runs in Prefect": _listed(found.states),
        "those killed": _listed(found.killed),
        "runs in the store": _listed(found.records),
        "places lost": str(found.places),
    }
    for name, row in rows.items():
        print(f"{name:<18}{row}")


def _listed(counts: dict[str, int]) -> str:
    return ", ".join(f"{name.lower()} {count}" for name, count in sorted(counts.items())) or "none"


if __name__ == "__main__":
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--compiles", type=int, default=200)
    parser.add_argument("--kills", type=int, default=60)
    parser.add_argument("--seed", type=int, default=random.randrange(1 << 32))
    parser.add_argument("--database", choices=("sqlite", "postgresql"), default="sqlite")
    sys.exit(main(parser.parse_args()))
