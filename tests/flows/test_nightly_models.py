"""Nights that ask models: batches over two nights, killed ones, other prompts; counted at the loopback server."""

import asyncio
import random
from collections import Counter
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from subprocess import Popen
from typing import Any

import pytest
from prefect import flow

from compiler.maintenance.nightly import Nightly
from compiler.models import prompts
from compiler.models.batches import submit
from compiler.models.batches.settle import BOUND
from compiler.runtime import open_runtime
from flows.compile import compile_context
from flows.nightly import nightly_recompile
from store.generations import newest
from tasks.nightly import ARTIFACT, COMPILE, collect_later
from tests.compiler.models.server_model import MAP, TREE, counted
from tests.flows.helpers import Api
from tests.flows.models import PROJECT, entries, upload_chunks, use
from tests.rlm.servers.messages import BATCHES
from tests.rlm.servers.priced import PricedServer
from tests.waiting import until

# Prefect leaves the connections of its threads to the garbage collector.
pytestmark = pytest.mark.filterwarnings("ignore:unclosed <socket:ResourceWarning")

SESSIONS = 6
RUNNING = 1_000_000
"""Polls after which no test waits for a batch to end."""

NIGHT = """
import asyncio, sys
from pathlib import Path
from flows.prefect_api import prefect_api
with prefect_api(Path(sys.argv[1])):
    from flows.nightly import nightly_recompile
    asyncio.run(nightly_recompile())
"""


@pytest.fixture
def server(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[PricedServer]:
    """A server of models, and a project of more calls than are asked one by one at night."""
    with PricedServer() as running:
        running.polls = RUNNING
        use(running, monkeypatch)
        upload_chunks(tmp_path / "team", SESSIONS, 10)
        yield running


def night(**parameters: Any) -> Nightly:
    return asyncio.run(nightly_recompile(**parameters))


def answered(server: PricedServer) -> Counter[str]:
    """How often each question of the map was answered."""
    return Counter(call.text for call in server.calls if call.model == MAP)


def test_a_night_hands_over_and_the_next_collects(api: Api, server: PricedServer) -> None:
    """Neither waits. The artifacts say what was handed over, what waits, and what was collected at which price."""
    first = night()
    [handed] = first.submitted
    assert handed.calls >= submit.LEAST
    assert first.usage.calls == 0
    told = api.artifact(ARTIFACT)["data"]
    assert f"{handed.calls:,} calls for {SESSIONS} sessions handed over in 1 batch, " in told
    assert f"{PROJECT}: {SESSIONS} sessions wait for a batch" in told
    server.end_batches()
    second = night()
    assert second.submitted == []
    [report] = second.projects
    assert report.sessions.new == SESSIONS
    assert report.batched.calls == handed.calls == counted(server.calls)[MAP]
    assert second.usage.usd == pytest.approx(server.usd)
    told = api.artifact(ARTIFACT)["data"]
    assert f"{handed.calls:,} answers of earlier nights' batches collected" in told
    assert night().projects == []


def test_a_night_spends_no_more_than_its_limit(api: Api, server: PricedServer) -> None:
    """What batches can cost at most counts against it; what does not fit is done without a model."""
    done = night(max_usd=0.05)
    assert server.usd <= 0.05
    assert sum(one.usd for one in done.submitted) <= 0.05


def test_other_prompts_and_models_make_anew_what_they_made(
    api: Api, server: PricedServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    """At night: with another tree model only the nodes, with another prompt of the map the summaries too."""
    monkeypatch.setenv("RLM_CONTEXT_MODELS__BATCHES", "false")
    night()
    asked = counted(server.calls)
    monkeypatch.setenv("RLM_CONTEXT_MODELS__TREE", "anthropic:claude-opus-5-5")
    [report] = night().projects
    assert counted(server.calls)[MAP] == asked[MAP]
    assert counted(server.calls)["claude-opus-5-5"] == asked[TREE]
    assert report.nodes.digest.new == SESSIONS
    monkeypatch.setattr(prompts, "MAP", prompts.MAP + "\n")
    [report] = night().projects
    assert report.chunks.new > 0
    assert counted(server.calls)[MAP] == 2 * asked[MAP]
    assert night().projects == []
    [row] = [line for line in _before_last(api).splitlines() if PROJECT in line]
    assert f"| {SESSIONS} | {report.chunks.new:,} |" in row


def _before_last(api: Api) -> str:
    """The artifact of the night before the last."""
    body = {"artifacts": {"key": {"any_": [ARTIFACT]}}, "sort": "CREATED_DESC"}
    return str(api.call("POST", "/artifacts/filter", body)[1]["data"])


def test_what_was_handed_over_is_compiled_by_the_morning(api: Api) -> None:
    """One run of the deployment that sessions trigger, once no batch counts any more; none where it is not served."""

    @flow
    async def twice() -> None:
        await collect_later("acme/later", 2.0)
        await collect_later("acme/later", 2.0)

    def runs() -> list[dict[str, Any]]:
        found = api.call(
            "POST", "/flow_runs/filter", {"flow_runs": {"state": {"type": {"any_": ["SCHEDULED"]}}}}
        )
        return [run for run in found if run["parameters"].get("project") == "acme/later"]

    for served in api.call("POST", "/deployments/filter", {}):  # another test's
        api.call("DELETE", f"/deployments/{served['id']}")
    asyncio.run(twice())
    assert runs() == []

    async def serve() -> None:
        await (await compile_context.ato_deployment(COMPILE.partition("/")[2])).aapply()

    asyncio.run(serve())
    asyncio.run(twice())
    [run] = runs()
    assert run["name"] == "compile acme/later"
    assert run["parameters"] == {"project": "acme/later", "max_usd": 2.0}
    due = datetime.fromisoformat(run["expected_start_time"]) - datetime.now(UTC)
    assert abs(due - timedelta(seconds=BOUND)) < timedelta(minutes=5)


@pytest.mark.timeout(600)
def test_a_night_killed_while_it_hands_over_pays_nothing_twice(
    server: PricedServer,
    server_home: Path,
    home: Path,
    start: Callable[..., Popen[str]],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """SIGKILL while the provider takes the batch: the next nights find it there and collect it."""
    store = open_runtime().store.url
    monkeypatch.setenv("RLM_CONTEXT_HOME", str(server_home))  # its Prefect server runs already
    monkeypatch.setenv("RLM_CONTEXT_STORE", store)
    server.latency = 0.5
    process = start(NIGHT, server_home)
    until(lambda: server.requests(BATCHES))
    moment = random.uniform(0.0, 0.9)
    until(lambda: moment < 0.5 or server.requests(BATCHES)[0].answered)
    process.kill()
    process.wait()  # a zombie would still count as the holder of its lease
    until(lambda: server.batches)  # the provider has it, whoever knows
    server.latency = 0.0
    for _ in range(2):
        again = start(NIGHT, server_home)
        again.communicate()
        server.end_batches()
    assert server.batches == 1
    runtime = open_runtime()
    assert newest(runtime.store, PROJECT) is not None
    assert len(entries(runtime)) == SESSIONS
    assert max(answered(server).values()) == 1
