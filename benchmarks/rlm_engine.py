"""What the recursive engine adds to the time of its models.

    python -m benchmarks.rlm_engine [--iterations 20] [--runs 5] [--sandbox monty|jail]

Per iteration: a run of N turns, each with a block of code, against a model that answers at once; the time from the end
of the first to the end of the last, divided by N - 1. Start: a run of one turn, which starts a sandbox. Batch: the time
of a block with 64 sub-calls that take 100 ms each, over one call's 100 ms. Context: the time until a 16 MB text is a
variable of the sandbox, and until 300 MB are searched on the host, with the process's peak memory. Medians, but for the
contexts: one run each.
"""

import argparse
import resource
import statistics
import time
from collections.abc import Callable

from rlm.budget import Budget
from rlm.clients.scripted import EchoClient, QueueClient
from rlm.engine import RLM
from rlm.sandbox.protocol import Sandbox
from rlm.sandbox.registry import SANDBOXES, open_sandbox

LATENCY = 0.1


def block(code: str) -> str:
    """A reply with a code block."""
    return f"```repl\n{code}\n```"


def seconds(replies: list[str], sandbox: Sandbox, context: str = "") -> tuple[float, float]:
    """The time of one run, and that of each turn after the first."""
    rlm = RLM(QueueClient(replies), EchoClient(), sandbox=sandbox, budget=Budget(iterations=len(replies)))
    began = time.perf_counter()
    records = rlm.complete_sync("?", context).trajectory.records
    whole = time.perf_counter() - began
    ended = [record["at"] for record in records if record["kind"] == "step"]
    return whole, (ended[-1] - ended[0]) / max(len(ended) - 1, 1)


def sub_calls(count: int, sandbox: Sandbox) -> float:
    """The time of the step that makes so many sub-calls."""
    code = f"finish(str(len(llm_query_batched([str(i) for i in range({count})]))))"
    rlm = RLM(QueueClient([block(code)]), EchoClient(latency=LATENCY), sandbox=sandbox)
    [step] = [record for record in rlm.complete_sync("?").trajectory.records if record["kind"] == "step"]
    return float(step["seconds"])


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--iterations", type=int, default=20)
    parser.add_argument("--runs", type=int, default=5)
    parser.add_argument("--sandbox", choices=SANDBOXES, default="monty")
    asked = parser.parse_args()
    sandbox = open_sandbox(asked.sandbox)

    def median(measure: Callable[[], float]) -> float:
        return statistics.median(measure() for _ in range(asked.runs))

    last = block("finish('done')")
    turns = [block(f"x = {n}\nprint(x, len(grep('a', context)))") for n in range(asked.iterations - 1)]
    start = median(lambda: seconds([last], sandbox)[0])
    turn = median(lambda: seconds([*turns, last], sandbox, "a\nb\n" * 100)[1])
    print(f"start and one iteration          {start * 1e3:8.1f} ms")
    print(f"each further iteration           {turn * 1e3:8.2f} ms")
    batch = median(lambda: sub_calls(64, sandbox))
    print(
        f"batch of 64 calls of {LATENCY * 1e3:.0f} ms      {batch * 1e3:8.1f} ms   {batch / LATENCY:.2f} x one call"
    )
    text = "x" * 99 + "\n"
    found = block("finish(str(context_grep('NEEDLE')))")
    print(f"16 MB context, by value          {seconds([last], sandbox, text * 159_999)[0]:8.2f} s")
    print(f"300 MB context, searched on host {seconds([found], sandbox, text * 3_000_000)[0]:8.2f} s")
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    print(f"peak memory with those 300 MB    {peak:8.0f} MB")


if __name__ == "__main__":
    main()
