"""How long after its start a session on a new machine can be told the brief, beside bare Python.

    python -m benchmarks.refresh [--runs 10] [--source DIR]

Each run is a home of its own, and a store in a folder to which one project was compiled: by default the sessions in
`examples/`. "brief" ends when the hook ends, which is when the agent can take what it printed; "index" when the search
index is here too, for which nobody waits.
"""

import argparse
import asyncio
import fcntl
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from benchmarks.hooks import bare
from compiler.pipeline import compile_project
from compiler.runtime import open_runtime
from compiler.steps import DirectSteps
from compiler.uploading.upload import upload
from store.keys import encode_name

_ROOT = Path(__file__).parents[1]
_HOOKS = str(_ROOT / "rlm_context" / "hooks" / "__main__.py")
_REMOTE = "git.example.com/acme/tidewatch"


def publish(folder: Path, source: Path) -> None:
    """Compile sessions into the store in a folder, and make a checkout of their project."""
    os.environ |= {"HOME": str(folder), "RLM_CONTEXT_HOME": str(folder / "anns")}
    os.environ |= {"RLM_CONTEXT_STORE": str(folder / "team"), "RLM_CONTEXT_AUTHOR": "ann"}
    runtime = open_runtime()
    upload(runtime, [source], project=_REMOTE)
    asyncio.run(compile_project(runtime, _REMOTE, DirectSteps(runtime)))
    (folder / "checkout" / ".git").mkdir(parents=True)
    config = f'[remote "origin"]\n\turl = https://{_REMOTE}.git\n'
    (folder / "checkout" / ".git" / "config").write_text(config)


def one_run(folder: Path, number: int) -> tuple[float, float]:
    """Milliseconds until the brief and until the index are on a new machine."""
    home = folder / f"home-{number}"
    event = {"session_id": "s", "cwd": str(folder / "checkout"), "source": "startup"}
    (home / "hooks" / "shown").mkdir(parents=True)
    (home / "hooks" / "shown" / "s").touch()  # session-start was here, and had nothing
    began = time.perf_counter()
    told = subprocess.run(
        [sys.executable, "-I", "-S", _HOOKS, "refresh"],
        input=json.dumps(event).encode(),
        env=os.environ | {"RLM_CONTEXT_HOME": str(home)},
        stdout=subprocess.PIPE,
        check=True,
    ).stdout
    brief = time.perf_counter()
    assert b"additionalContext" in told
    while not (home / "cache" / "projects" / encode_name(_REMOTE) / "current").exists():
        time.sleep(0.005)
    index = time.perf_counter()
    lock = os.open(home / "hooks" / "index.lock", os.O_RDWR)
    fcntl.flock(lock, fcntl.LOCK_EX)  # what follows shall not be disturbed by its end
    os.close(lock)
    return (brief - began) * 1000, (index - began) * 1000


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--runs", type=int, default=10)
    parser.add_argument("--source", type=Path, default=_ROOT / "examples" / "sessions")
    arguments = parser.parse_args()
    taken: dict[str, list[float]] = {"bare": [], "brief": [], "index": []}
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as name:
        publish(Path(name), arguments.source.resolve())
        for number in range(arguments.runs):
            began = time.perf_counter()
            bare()
            taken["bare"].append((time.perf_counter() - began) * 1000)
            for what, milliseconds in zip(("brief", "index"), one_run(Path(name), number), strict=True):
                taken[what].append(milliseconds)
    middle = {what: statistics.median(found) for what, found in taken.items()}
    for what, milliseconds in middle.items():
        print(f"{what:<6} median {milliseconds:7.1f} ms, {milliseconds / middle['bare']:5.1f} × bare")


if __name__ == "__main__":
    main()
