"""What it takes to ask a Prefect server for a compile, as a hook's worker does, beside Prefect's own client.

    python -m benchmarks.trigger [--runs 10]

Whole processes against a server on loopback that answers at once (`tests/hooks/trigger/prefect_stub.py`), so the
figures are the client's part: Python, its imports, two requests. Runs alternate; medians, and the ratio to bare Python.
"""

import argparse
import os
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from tests.hooks.trigger.prefect_stub import prefect_stub

_ROOT = Path(__file__).parents[1]
_OURS = """
import sys
from rlm_context.hooks.trigger.prefect import PrefectServer
from rlm_context.hooks.trigger.rest import configured_rest
PrefectServer(configured_rest(sys.argv[1])).ask("acme/tide", "none", None)
assert "prefect" not in sys.modules
"""
_PREFECTS = """
import sys
from prefect.client.orchestration import get_client
with get_client(sync_client=True) as client:
    client.request("GET", "/deployments/name/{flow_name}/{deployment_name}",
                   path_params={"flow_name": "compile-context", "deployment_name": "on-session-end"})
    client.request("POST", "/deployments/{id}/create_flow_run", path_params={"id": "d-1"},
                   json={"parameters": {"project": "acme/tide"}, "idempotency_key": "compile:acme/tide:none:0"})
"""
_PROGRAMS = {"bare Python": "pass", "worker's trigger": _OURS, "Prefect's client": _PREFECTS}


def main() -> None:
    """Measure and print the table."""
    parser = argparse.ArgumentParser(description="Asking a Prefect server for a compile.")
    parser.add_argument("--runs", type=int, default=10)
    runs = parser.parse_args().runs
    seconds: dict[str, list[float]] = {name: [] for name in _PROGRAMS}
    with prefect_stub() as stub, tempfile.TemporaryDirectory() as home:
        for _ in range(runs):
            for name, code in _PROGRAMS.items():
                seconds[name].append(_seconds(code, stub.url, home))
    bare = statistics.median(seconds["bare Python"])
    print("| process | median ms | ratio to bare |\n|---|---|---|")
    for name, taken in seconds.items():
        median = statistics.median(taken)
        print(f"| {name} | {median * 1000:.0f} | {median / bare:.1f} |")


def _seconds(code: str, url: str, home: str) -> float:
    environment = {name: value for name, value in os.environ.items() if not name.startswith("PREFECT_")}
    environment |= {"HOME": home, "PREFECT_HOME": home, "PREFECT_API_URL": url, "DO_NOT_TRACK": "1"}
    begun = time.perf_counter()
    subprocess.run([sys.executable, "-c", code, url], cwd=_ROOT, env=environment, check=True)
    return time.perf_counter() - begun


if __name__ == "__main__":
    main()
