"""A compile with models that is killed in the middle of the map pays for nothing that was answered."""

import random
from collections.abc import Callable
from pathlib import Path
from subprocess import Popen

import pytest

from compiler.account import REPLY
from compiler.report import ProjectReport
from compiler.runtime import open_runtime
from flows.run import compile_projects
from tests.compiler.models.server_model import MAP, calls_of, request_digest
from tests.flows.models import PROJECT, entries, upload_chunks, use
from tests.rlm.servers.messages import MessagesServer
from tests.waiting import PATIENCE, until

# Prefect leaves the connections of its threads to the garbage collector.
pytestmark = pytest.mark.filterwarnings("ignore:unclosed <socket:ResourceWarning")

KILLS = 5
SESSIONS, CHUNKS_EACH = 24, 4
AT_ONCE = 8

COMPILE = """
import sys
from pathlib import Path
from flows.run import compile_projects
[report] = compile_projects(Path(sys.argv[1]), [sys.argv[2]])
if isinstance(report, Exception):
    raise report
"""


@pytest.mark.timeout(600)
def test_what_was_answered_is_not_asked_again(
    server_home: Path,
    home: Path,
    start: Callable[..., Popen[str]],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """SIGKILL at five random calls: each time the next run repeats at most the calls that were in flight."""
    seed = random.randrange(1 << 32)
    print(f"seed {seed}")
    chance = random.Random(seed)
    monkeypatch.setenv("RLM_CONTEXT_HOME", str(server_home))  # its Prefect server runs already
    monkeypatch.setenv("RLM_CONTEXT_STORE", str(home / "store"))
    monkeypatch.setenv("RLM_CONTEXT_MODELS__AT_ONCE", str(AT_ONCE))
    with MessagesServer() as server:
        server.latency = 0.1
        use(server, monkeypatch)
        upload_chunks(tmp_path / "team", SESSIONS, CHUNKS_EACH)
        in_flight = [_killed(server, start(COMPILE, server_home, PROJECT), chance) for _ in range(KILLS)]
        [report] = compile_projects(server_home, [PROJECT])
        assert isinstance(report, ProjectReport)
        asked = [request_digest(call) for call in calls_of(server, MAP)]
    chunks = {chunk for entry in entries(open_runtime()) for chunk in entry.chunks}
    assert len(set(asked)) == len(chunks)
    assert max(in_flight) <= AT_ONCE
    assert len(asked) - len(chunks) <= sum(in_flight)


def _killed(server: MessagesServer, process: Popen[str], chance: random.Random) -> int:
    """Kill a compile in the first part of what is left to ask; how many of its calls were in flight: not kept yet."""
    asked, kept = len(calls_of(server, MAP)), _kept()
    after = chance.randrange(1, max((SESSIONS * CHUNKS_EACH - kept) // 3, 2))
    until(lambda: process.poll() is not None or len(calls_of(server, MAP)) - asked >= after, 2 * PATIENCE)
    process.kill()
    process.wait()  # a zombie would still count as the holder of its lease
    server.hear_out()
    return len(calls_of(server, MAP)) - asked - (_kept() - kept)


def _kept() -> int:
    return sum(1 for _ in open_runtime().store.keys(f"memo/{REPLY}"))
