"""The start of the MCP server and its searches, beside bare Python.

    python -m benchmarks.mcp [--runs 7]

"Bare" is `<this Python> -c pass`, a whole process. The start is from the server's start to its answer to `initialize`,
which is what an agent waits for; the SDK's import is most of it and is shown apart. Then a search and a session of the
invented examples, through the SDK's client over stdio, in a home of its own. Runs alternate.
"""

import argparse
import asyncio
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from mcp import Client, StdioServerParameters
from mcp.client.stdio import stdio_client

from compiler.local_copy import refresh
from compiler.pipeline import compile_project
from compiler.runtime import open_runtime
from compiler.steps import DirectSteps
from compiler.uploading.upload import upload
from tests.mcp_server.helpers import HELLO

_ROOT = Path(__file__).parents[1]
_SERVER = ["-m", "rlm_context", "mcp"]
_CALLS = 50


def python(code: str) -> float:
    """Milliseconds of a whole process."""
    began = time.perf_counter()
    subprocess.run([sys.executable, "-c", code], check=True)
    return (time.perf_counter() - began) * 1000


def started() -> float:
    """Milliseconds until the server has answered `initialize`."""
    began = time.perf_counter()
    with subprocess.Popen(
        [sys.executable, *_SERVER], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, cwd=_ROOT
    ) as process:
        assert process.stdin
        assert process.stdout
        process.stdin.write(json.dumps(HELLO) + "\n")
        process.stdin.flush()
        assert json.loads(process.stdout.readline())["id"] == 1
        taken = (time.perf_counter() - began) * 1000
        process.stdin.close()
    return taken


async def calls() -> dict[str, list[float]]:
    """Milliseconds of each call of a tool in a running server, the first one too."""
    server = StdioServerParameters(command=sys.executable, args=_SERVER, env=dict(os.environ), cwd=_ROOT)
    taken: dict[str, list[float]] = {}
    async with Client(stdio_client(server)) as client:
        for name, arguments in (
            ("search_context", {"query": "alerts after a restart"}),
            ("recent_work", {"author": "jonas"}),
            ("get_session", {"session": "46774c9d"}),
        ):
            for _ in range(_CALLS):
                began = time.perf_counter()
                result = await client.call_tool(name, arguments)
                taken.setdefault(name, []).append((time.perf_counter() - began) * 1000)
                assert not result.is_error, result.content
    return taken


def prepare(home: Path) -> None:
    """The examples, compiled."""
    os.environ |= {"HOME": str(home), "RLM_CONTEXT_HOME": str(home / "rlm-context")}
    runtime = open_runtime()
    upload(runtime, [_ROOT / "examples" / "sessions"], project="tidewatch")
    asyncio.run(compile_project(runtime, "tidewatch", DirectSteps(runtime)))
    refresh(runtime, "tidewatch")


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--runs", type=int, default=7)
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        prepare(Path(name))
        rows: dict[str, list[float]] = {"bare Python": [], "import of the SDK": [], "start of the server": []}
        for _ in range(arguments.runs):
            rows["bare Python"].append(python("pass"))
            rows["import of the SDK"].append(python("import mcp.server.lowlevel, mcp.server.stdio"))
            rows["start of the server"].append(started())
        bare, least = statistics.median(rows["bare Python"]), min(rows["bare Python"])
        for title, taken in rows.items():
            middle, best = statistics.median(taken), min(taken)
            print(
                f"{title:<22} median {middle:7.1f} ms, {middle / bare:5.1f} × bare   "
                f"least {best:7.1f} ms, {best / least:5.1f} × bare"
            )
        for title, taken in asyncio.run(calls()).items():
            print(
                f"{title:<22} first {taken[0]:6.1f} ms   median of the next {statistics.median(taken[1:]):6.1f} ms"
            )


if __name__ == "__main__":
    main()
