"""The same run on our engine and on the package `rlms` 0.1.3, with models that take 100 ms.

    python -m benchmarks.rlm_vs_rlms PYTHON [--turns 20] [--batch 64]

PYTHON is the interpreter of another environment, in which `rlms` is installed: both packages are called `rlm`, so they
cannot share one. Each turn's code sends a batch of sub-calls; the last turn answers. Ideal is the time of the models
alone: turns + batches, one after another. Each engine runs in a process of its own with its defaults (`rlms`: code in
the host process, 16 sub-calls at once; ours: a worker process, 64 at once). Memory is the peak of the process, plus
that of the largest process it started.
"""

import argparse
import asyncio
import json
import os
import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

LATENCY = 0.1
ROOT = Path(__file__).parents[1]


def reply(turn: int, turns: int, batch: int) -> str:
    """What the root model writes: the same for both."""
    code = f"answers = llm_query_batched(['{turn}-' + str(n) for n in range({batch})])\nprint(len(answers))"
    if turn == turns - 1:
        code = "answer['content'] = str(len(answers))\nanswer['ready'] = True"
    return f"```repl\n{code}\n```"


def ours(turns: int, batch: int) -> str:
    """Run on our engine; the answer."""
    from rlm.budget import Budget
    from rlm.clients.scripted import EchoClient, QueueClient
    from rlm.engine import RLM

    root = QueueClient([reply(turn, turns, batch) for turn in range(turns)], latency=LATENCY)
    budget = Budget(iterations=turns, calls=turns * batch, batch=batch, at_once=batch)
    return RLM(root, EchoClient(latency=LATENCY), budget=budget).complete_sync("How many?", "text").answer


def theirs(turns: int, batch: int) -> str:
    """Run on `rlms`, with its client replaced; the answer."""
    import rlm.core.rlm as core  # that of the other environment
    from rlm.clients.base_lm import BaseLM
    from rlm.core.types import ModelUsageSummary, UsageSummary

    replies = iter([reply(turn, turns, batch) for turn in range(turns)])

    class Mock(BaseLM):
        def completion(self, prompt: Any) -> str:
            time.sleep(LATENCY)
            return next(replies)

        async def acompletion(self, prompt: Any) -> str:
            await asyncio.sleep(LATENCY)
            return str(prompt)

        def get_usage_summary(self) -> Any:
            return UsageSummary({})

        def get_last_usage(self) -> Any:
            return ModelUsageSummary(1, 1, 1)

    core.get_client = lambda backend, kwargs: Mock("mock")
    engine = core.RLM(backend="openai", backend_kwargs={"model_name": "mock"}, max_iterations=turns)
    return str(engine.completion("text", root_prompt="How many?").response)


def measure(engine: str, turns: int, batch: int) -> None:
    """Print one engine's figures as JSON: seconds without imports, MB, answer."""
    run = {"ours": ours, "theirs": theirs}[engine]
    began = time.perf_counter()
    answer = run(turns, batch)
    seconds = time.perf_counter() - began
    peaks = [resource.getrusage(who).ru_maxrss for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]
    print(json.dumps({"seconds": seconds, "mb": sum(peaks) / 1024, "answer": answer}))


def main() -> None:
    """Run both and print them side by side."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("python")
    parser.add_argument("--turns", type=int, default=20)
    parser.add_argument("--batch", type=int, default=64)
    asked = parser.parse_args()
    ideal = LATENCY * (2 * asked.turns - 1)
    print(f"{'':8} {'s':>7} {'x ideal':>8} {'MB':>6}  answer\nideal    {ideal:7.2f}")
    for engine, python in (("ours", sys.executable), ("theirs", asked.python)):
        figures = in_own_process(engine, python, asked.turns, asked.batch)
        times = figures["seconds"] / ideal
        print(f"{engine:8} {figures['seconds']:7.2f} {times:8.2f} {figures['mb']:6.0f}  {figures['answer']}")


def in_own_process(engine: str, python: str, turns: int, batch: int) -> dict[str, Any]:
    """One engine's figures. The paths keep each from finding the other's package."""
    environment = {**os.environ, "PYTHONPATH": str(ROOT) if engine == "ours" else ""}
    with tempfile.TemporaryDirectory() as folder:
        command = [python, str(Path(__file__).resolve()), "--run", engine, str(turns), str(batch)]
        done = subprocess.run(
            command, cwd=folder, env=environment, capture_output=True, text=True, check=False
        )
    if done.returncode:
        raise SystemExit(f"{engine} failed:\n{done.stderr}")
    return dict(json.loads(done.stdout.strip().split("\n")[-1]))


if __name__ == "__main__":
    if sys.argv[1:2] == ["--run"]:
        measure(sys.argv[2], int(sys.argv[3]), int(sys.argv[4]))
    else:
        main()
