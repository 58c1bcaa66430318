"""A compile with models through Prefect, whose provider fails in every way: nothing is lost, nothing paid twice."""

import asyncio
import random
from pathlib import Path

import pytest

from compiler.report import ProjectReport
from compiler.runtime import open_runtime
from flows.compile import compile_context
from tests.compiler.models.server_model import MAP, asked_again, calls_of
from tests.flows.helpers import Api
from tests.flows.models import (
    EVERY_WAY,
    IMPATIENT,
    PROJECT,
    chunk_ids,
    entries,
    summaries,
    upload_chunks,
    use,
)
from tests.rlm.servers.faults import dealt, never
from tests.rlm.servers.messages import MessagesServer

# Prefect leaves the connections of its threads to the garbage collector.
pytestmark = pytest.mark.filterwarnings("ignore:unclosed <socket:ResourceWarning")

SESSIONS, CHUNKS_EACH = 30, 5
AT_ONCE = 8
"""So that no call waits for others of this process for as long as an attempt may take, however busy the machine is."""
FAULTY = 3
"""Calls of a hundred that fail in each of ten ways."""


def compiled(*, full: bool = False) -> ProjectReport:
    return asyncio.run(compile_context(PROJECT, full))


def test_a_provider_that_fails_in_every_way(
    api: Api, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """With 30% of calls failing at random the compile is complete, at 1.6 calls a chunk at most, none paid twice."""
    seed = random.randrange(1 << 32)
    print(f"seed {seed}")
    monkeypatch.setattr("compiler.models.clients.Options", IMPATIENT)
    monkeypatch.setenv("RLM_CONTEXT_MODELS__AT_ONCE", str(AT_ONCE))
    with MessagesServer() as server:
        use(server, monkeypatch)
        upload_chunks(tmp_path / "team", SESSIONS, CHUNKS_EACH)
        server.faults = dealt(EVERY_WAY, FAULTY, seed)
        report = compiled()
        check_complete(report)
        check_calls(server, report)
        server.faults = never
        asked = len(server.received)
        assert compiled().sessions.new == 0
        assert compiled(full=True).sessions.new == SESSIONS
        assert asked_again(server.received) == []
        check_complete(report)
    assert len(server.received) - asked <= asked / 10, "answers were asked for anew"


def check_complete(report: ProjectReport) -> None:
    """Each chunk of each session has its summary, and those not made by a model are told of."""
    runtime = open_runtime()
    held = entries(runtime)
    assert len(held) == SESSIONS
    for entry in held:
        made = summaries(runtime, entry)
        assert [one.chunk_id for one in made] == chunk_ids(runtime, entry) == list(entry.chunks)
        assert [one.degraded for one in made if one.degraded] == list(entry.degraded)
        assert all(one.statements for one in made)


def check_calls(server: MessagesServer, report: ProjectReport) -> None:
    """What the server counted."""
    calls = calls_of(server, MAP)
    assert report.chunks.new <= len(calls) <= 1.6 * report.chunks.new
    assert {call.fault for call in calls} >= {*EVERY_WAY}
    assert asked_again(server.received) == []
    refused = sum(call.fault is not None and call.fault.kind == "refusal" for call in calls)
    held = entries(open_runtime())
    told = [reason for entry in held for reason in entry.degraded]
    assert 1 <= len(told) <= refused
    assert all("refused" in reason for reason in told)
