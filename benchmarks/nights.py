"""Nights over a folder of real sessions, with a server on loopback as the models: what each did, asked and cost.

    python -m benchmarks.nights DIR [--latency 0.2]        (some minutes)

A home of its own and its Prefect server. The first night hands much over in batches, the second collects them, the
third finds nothing new, the fourth has another model for the tree. Dollars are of answers that repeat what was asked,
at the prices of the table, as the server adds them up. Exits 1 where a question of the map was answered twice, or a
night failed or found damage.
"""

import argparse
import asyncio
import os
import sys
import tempfile
from collections import Counter
from pathlib import Path
from time import perf_counter
from typing import NamedTuple

from compiler.maintenance.nightly import Nightly
from compiler.runtime import open_runtime
from compiler.uploading.upload import upload
from flows.prefect_api import prefect_api
from tests.compiler.models.server_model import MAP, counted, fitting, settings_for
from tests.rlm.servers.priced import PricedServer

_OTHER_TREE = "anthropic:claude-opus-5-5"
_NO_END = 1_000_000
"""Polls: a batch ends when the night is over, and not before."""


def main(options: argparse.Namespace) -> int:
    """Print a row for each night; 1 where something was paid twice, failed or damaged."""
    os.environ |= {"PREFECT_LOGGING_LEVEL": "ERROR"}
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as folder, PricedServer() as models:
        models.reply, models.polls, models.latency = fitting, _NO_END, options.latency
        os.environ |= {"HOME": folder, "RLM_CONTEXT_HOME": f"{folder}/home", **settings_for(models)}
        uploaded = upload(open_runtime(), [options.source])
        print(f"{len(uploaded.new)} sessions")
        with prefect_api(open_runtime().home):
            nights = [_night(title, models) for title in ("first", "second", "third")]
            os.environ["RLM_CONTEXT_MODELS__TREE"] = _OTHER_TREE
            nights.append(_night("another tree model", models))
    twice = sum(
        count - 1 for count in Counter(call.text for call in models.calls if call.model == MAP).values()
    )
    print(f"questions of the map answered twice: {twice}")
    return int(twice > 0 or any(night.failed or night.faults for night in nights))


class _Outcome(NamedTuple):
    """Parts that failed, and objects found damaged or missing."""

    failed: int
    faults: int


def _night(title: str, models: PricedServer) -> _Outcome:
    """Run one, print its row, and end the batches that it handed over."""
    # Not before: Prefect reads its settings when it is imported.
    from flows.nightly import nightly_recompile

    calls, usd, begun = len(models.calls), models.usd, perf_counter()
    done: Nightly = asyncio.run(nightly_recompile())
    seconds = perf_counter() - begun
    asked, new = counted(models.calls[calls:]), [one for one in done.projects if one.sessions.new]
    print(f"\n{title} night: {seconds:.0f} s")
    print(
        f"  handed over: {sum(one.calls for one in done.submitted):,} calls for "
        f"{sum(one.sessions for one in done.submitted)} sessions of {len(done.submitted)} projects, "
        f"in {sum(one.batches for one in done.submitted)} batches"
    )
    print(f"  compiled: {sum(one.sessions.new for one in done.projects)} new sessions of {len(new)} projects")
    print(
        f"  calls answered: {asked.total():,} ({', '.join(f'{name} {n:,}' for name, n in asked.most_common())})"
    )
    print(f"  US dollars: {models.usd - usd:.2f}")
    if done.stored:
        print(f"  store: {done.stored.objects:,} objects, {done.stored.bytes / 1e6:.1f} MB")
    models.end_batches()
    return _Outcome(len(done.failed), len(done.verified.faults) if done.verified else 1)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("source", type=Path, metavar="DIR", help="a folder of sessions")
    parser.add_argument("--latency", type=float, default=0.2, help="seconds that a call takes")
    sys.exit(main(parser.parse_args()))
