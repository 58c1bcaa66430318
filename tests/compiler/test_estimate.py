"""What a dry run says is what a compile then sends."""

import asyncio
from collections.abc import Iterator
from pathlib import Path

import pytest

from compiler.costs import at_prices, check_limit
from compiler.estimate import estimate
from compiler.foreseen import Foreseen
from compiler.pending import PendingSessions
from compiler.pipeline import compile_project
from compiler.report import ProjectReport
from compiler.runtime import Runtime, open_runtime
from compiler.steps import DirectSteps
from compiler.uploading.preview import preview
from compiler.uploading.upload import upload
from data_models.errors import SettingsError
from data_models.records import Tokens, Usage
from rlm.prices import PRICES, Price
from tests.compiler.models.server_model import MAP, ROOT, SUB, TREE
from tests.rlm.servers.backend import model_server
from tests.rlm.servers.priced import PricedServer
from tests.synthetic import write_team


@pytest.fixture
def server(monkeypatch: pytest.MonkeyPatch) -> Iterator[PricedServer]:
    """A server of models for the backend `model`, another model for each part."""
    with model_server(monkeypatch) as running:
        yield running


@pytest.fixture
def long_team(tmp_path: Path) -> Path:
    """Six sessions of several chunks each, over three days."""
    return write_team(tmp_path / "team", 6, turns=12, per_day=2)


def before_upload(source: Path, *, full: bool = False) -> dict[str, Foreseen]:
    """The steps of a dry run over a folder."""
    runtime = open_runtime(make_store=False)
    _, fresh = preview(runtime, [source], project="shop", again=full)
    return by_name(estimate(runtime, PendingSessions(runtime, fresh, project="shop", full=full), full=full))


def in_store(*, full: bool = False) -> dict[str, Foreseen]:
    """The steps of a dry run over what the store holds."""
    runtime = open_runtime(make_store=False)
    return by_name(estimate(runtime, PendingSessions(runtime, [], full=full), full=full))


def by_name(steps: list[Foreseen]) -> dict[str, Foreseen]:
    return {step.step: step for step in steps}


def compiled(source: Path, project: str = "shop", *, full: bool = False) -> ProjectReport:
    runtime = open_runtime()
    upload(runtime, [source], project=project)
    return asyncio.run(compile_project(runtime, project, DirectSteps(runtime), full=full))


def calls(server: PricedServer, model: str) -> int:
    return sum(call.model == model for call, _ in server.said)


def test_the_estimate_is_what_is_sent(server: PricedServer, long_team: Path) -> None:
    """Calls of the map and the tree are exact, the map's tokens within a fifth, the root's calls within its limit."""
    steps = before_upload(long_team)
    assert server.received == []
    compiled(long_team)
    assert steps["map"].calls == calls(server, MAP) == 12
    assert steps["digests"].calls + steps["rollups"].calls == calls(server, TREE)
    assert steps["digests"].calls == 6
    assert abs(steps["map"].input_tokens / server.read_by(MAP) - 1) < 0.2
    assert calls(server, ROOT) <= steps["root"].calls == 12
    assert calls(server, SUB) <= steps["sub-calls"].calls == 24


def test_dollars_of_the_map_are_those_of_its_tokens(server: PricedServer, long_team: Path) -> None:
    """Tokens times the table's price."""
    step = before_upload(long_team)["map"]
    price = PRICES[MAP]
    assert step.usd == pytest.approx(
        (step.input_tokens * price.input + step.output_tokens * price.output) / 1e6
    )


def test_what_waits_in_the_store_counts_the_same(server: PricedServer, long_team: Path) -> None:
    """Uploaded but not compiled, the sessions are read from the store."""
    steps = before_upload(long_team)
    upload(open_runtime(), [long_team], project="shop")
    waiting = in_store()
    assert waiting["map"] == steps["map"]
    assert (waiting["digests"], waiting["rollups"]) == (steps["digests"], steps["rollups"])
    # The files are known by now: they are not counted twice.
    assert before_upload(long_team) == waiting


def test_where_nothing_is_new_nothing_is_sent(server: PricedServer, long_team: Path) -> None:
    """After a compile no step has a call; made anew, all of the map and the tree is in memo."""
    compiled(long_team)
    assert all(step.calls == step.cached == 0 for step in before_upload(long_team).values())
    made, sent = in_store(full=True), len(server.said)
    assert made["map"].calls == made["digests"].calls == made["rollups"].calls == 0
    assert made["map"].cached == calls(server, MAP)
    assert len(server.said) == sent
    compiled(long_team, full=True)
    assert made["map"].cached == calls(server, MAP)


def test_one_more_session_costs_its_own_chunks(server: PricedServer, tmp_path: Path, long_team: Path) -> None:
    """Of a project that is compiled, only what is new counts: the map's and the tree's calls are exact."""
    compiled(long_team)
    before = calls(server, MAP), calls(server, TREE)
    more = write_team(tmp_path / "team", 7, turns=12, per_day=2)
    steps = before_upload(more)
    compiled(more)
    assert steps["map"].calls == calls(server, MAP) - before[0] > 0
    assert steps["digests"].calls + steps["rollups"].calls == calls(server, TREE) - before[1] > 0


def test_answers_in_memo_are_not_counted(server: PricedServer, long_team: Path) -> None:
    """The same content in another project was paid for before."""
    compiled(long_team, "other")
    steps = before_upload(long_team)
    assert steps["map"].calls == 0
    assert steps["map"].cached == calls(server, MAP)


def test_a_plain_reduce_is_one_call(
    server: PricedServer, long_team: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """With `root_pass = "reduce"` the root is one call, and nothing is handed to sub-calls."""
    monkeypatch.setenv("RLM_CONTEXT_ROOT_PASS", "reduce")
    steps = before_upload(long_team)
    compiled(long_team)
    assert steps["root"].calls == calls(server, ROOT) == 1
    assert "sub-calls" not in steps


def test_an_unknown_price_is_said(
    server: PricedServer, long_team: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A model that is not in the table has tokens and no dollars; a limit in dollars is refused, naming the setting."""
    monkeypatch.setenv("RLM_CONTEXT_MODELS__MAP", "openai:house-model")
    steps = before_upload(long_team)
    assert steps["map"].usd is None
    assert steps["map"].input_tokens > 0
    check_limit(open_runtime(), None)
    with pytest.raises(SettingsError, match="openai:house-model") as raised:
        check_limit(open_runtime(), 1.0)
    assert '[prices."house-model"]' in str(raised.value.next_command)


def test_an_own_price_is_used(server: PricedServer, long_team: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The setting `prices` wins over the table."""
    monkeypatch.setenv("RLM_CONTEXT_PRICES", f'{{"{MAP}": {{"input": 1000, "output": 0}}}}')
    step = before_upload(long_team)["map"]
    assert step.usd == pytest.approx(step.input_tokens / 1000)


def test_extractive_sends_nothing(runtime: Runtime, long_team: Path) -> None:
    """The backend without models has no steps."""
    assert estimate(runtime, PendingSessions(runtime, [])) == []


def test_sums_are_at_one_set_of_prices() -> None:
    """Dollars are computed again from tokens: a price that is known by now counts, one that is not is named."""
    usage = Usage(
        calls=2,
        input_tokens=3_000_000,
        usd=99.0,
        models={"a": Tokens(calls=1, input_tokens=1_000_000), "b": Tokens(calls=1, input_tokens=2_000_000)},
        unpriced=("a",),
    )
    priced = at_prices(usage, {"a": Price(0.5, 0)})
    assert (priced.usd, priced.unpriced, priced.calls) == (0.5, ("b",), 2)
