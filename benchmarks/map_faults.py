"""A map whose provider fails in every way: calls for each chunk, what is asked twice, what is lost.

    python -m benchmarks.map_faults [--chunks 2000] [--rate 30] [--seed N] [--latency 0.02]

30 of a hundred calls of any model go wrong, in one of ten ways (429 with and without Retry-After, 529, 500, resets,
hangs, truncated bodies, answers that break the schema, refusals, answers cut short), while a compile through Prefect
summarises invented sessions. Goals: the compile is complete, at most 1.6 calls a chunk, no answer that arrived is
asked for again, and every chunk has a summary. Exits 1 where one is missed. The seed is printed.
"""

import argparse
import os
import random
import sys
import tempfile
from collections import Counter
from pathlib import Path
from time import perf_counter
from unittest.mock import patch

from benchmarks.map_flow import CHUNK_TOKENS, write_project
from compiler.report import ProjectReport
from compiler.runtime import open_runtime
from compiler.uploading.upload import upload
from flows.run import compile_projects
from tests.compiler.models.server_model import MAP, asked_again, calls_of, fitting, settings_for
from tests.flows.models import EVERY_WAY, IMPATIENT, PROJECT, chunk_ids, entries, summaries
from tests.rlm.servers.faults import dealt
from tests.rlm.servers.messages import MessagesServer


def main(options: argparse.Namespace) -> int:
    """Print the table; 1 where a goal was missed."""
    print(f"seed {options.seed}")
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as folder, MessagesServer() as server:
        server.latency, server.reply = options.latency, fitting
        server.faults = dealt(EVERY_WAY, options.rate // len(EVERY_WAY), options.seed)
        os.environ |= settings_for(server)
        os.environ |= {"HOME": folder, "RLM_CONTEXT_HOME": f"{folder}/home"}
        os.environ["RLM_CONTEXT_CHUNK_TOKENS"] = str(CHUNK_TOKENS)
        runtime = open_runtime()
        upload(runtime, [write_project(Path(folder) / "team", options.chunks // 4, 4)], project=PROJECT)
        begun = perf_counter()
        with patch("compiler.models.clients.Options", IMPATIENT):
            [report] = compile_projects(runtime.home, [PROJECT])
        if not isinstance(report, ProjectReport):
            raise report
        return _print(server, report, perf_counter() - begun)


def _print(server: MessagesServer, report: ProjectReport, seconds: float) -> int:
    runtime = open_runtime()
    held = entries(runtime)
    made = {entry.session_id: summaries(runtime, entry) for entry in held}
    lost = sum(
        [one.chunk_id for one in made[entry.session_id]] != chunk_ids(runtime, entry) for entry in held
    )
    degraded = [one.degraded for each in made.values() for one in each if one.degraded]
    told = [reason for entry in held for reason in entry.degraded]
    calls = calls_of(server, MAP)
    twice = len(asked_again(server.received))
    ways = Counter(call.fault.kind if call.fault else "answered" for call in calls)
    ratio = len(calls) / report.chunks.new
    print(f"chunks {report.chunks.new:,} of {report.sessions.new:,} sessions in {seconds:.0f} s")
    print(f"calls of the map {len(calls):,}: {', '.join(f'{kind} {n:,}' for kind, n in ways.most_common())}")
    print(f"calls a chunk {ratio:.2f} (goal 1.60), asked again though answered {twice}")
    print(f"sessions with a chunk lost {lost}, degraded {len(degraded)}, told of {len(told)}")
    for reason, count in Counter(degraded).most_common():
        print(f"  {count} x {reason}")
    return int(ratio > 1.6 or twice > 0 or lost > 0 or len(degraded) != len(told))


if __name__ == "__main__":
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--chunks", type=int, default=2_000)
    parser.add_argument("--rate", type=int, default=30)
    parser.add_argument("--seed", type=int, default=random.randrange(1 << 32))
    parser.add_argument("--latency", type=float, default=0.02)
    sys.exit(main(parser.parse_args()))
