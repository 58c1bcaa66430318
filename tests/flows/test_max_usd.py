"""`--max-usd` through the real flow."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

import compiler.tree
from compiler.local_copy import refresh
from compiler.outcome import describe
from compiler.report import ProjectReport
from compiler.runtime import open_runtime
from compiler.uploading.upload import upload
from data_models.errors import SettingsError, StoreError
from data_models.records import Usage
from flows.run import compile_projects
from rlm.prices import PRICES_DATE
from tasks.tables import numbers_rows
from tests.compiler.models.server_model import MAP
from tests.flows.helpers import Api
from tests.rlm.servers.backend import model_server
from tests.rlm.servers.priced import PricedServer
from tests.synthetic import write_team

# Prefect leaves the connections of its threads to the garbage collector.
pytestmark = pytest.mark.filterwarnings("ignore:unclosed <socket:ResourceWarning")

LIMIT = 0.04


@pytest.fixture
def server(monkeypatch: pytest.MonkeyPatch) -> Iterator[PricedServer]:
    """Models on a loopback server that adds up what it would charge."""
    with model_server(monkeypatch) as running:
        yield running


@pytest.fixture
def team(tmp_path: Path) -> Path:
    """Six sessions, twelve chunks."""
    return write_team(tmp_path / "team", 6, turns=12, per_day=2)


def described(report: ProjectReport) -> ProjectReport:
    """The report with what its generation holds."""
    runtime = open_runtime()
    copy = refresh(runtime, report.project)
    assert copy is not None
    return describe(runtime, report, copy)


def test_spending_stays_below_the_limit(
    api: Api, server_home: Path, server: PricedServer, team: Path
) -> None:
    """Two projects of one run share it; what it does not pay for is degraded, and made anew for the rest."""
    for project in ("acme/one", "acme/two"):
        upload(open_runtime(), [team], project=project)
    one, two = compile_projects(server_home, ["acme/one", "acme/two"], max_usd=LIMIT)
    assert isinstance(one, ProjectReport)
    assert isinstance(two, ProjectReport)
    assert 0 < server.usd <= LIMIT
    assert one.llm.usd + two.llm.usd == pytest.approx(server.usd)
    assert any("the limit of --max-usd is reached" in reason for reason in described(one).degraded)
    (again,) = compile_projects(server_home, ["acme/one"], full=True)
    assert isinstance(again, ProjectReport)
    assert described(again).degraded == []
    asked = [call.text for call, _ in server.said if call.model == MAP]
    assert len(asked) == len(set(asked)) == 12


def test_a_limited_step_is_tried_once(
    api: Api, server_home: Path, server: PricedServer, team: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What a step that failed had spent is not known, so with a limit it is not tried again: the run ends."""
    upload(open_runtime(), [team], project="acme/shop")

    async def fail(*arguments: object, **options: object) -> None:
        raise StoreError("busy")

    monkeypatch.setattr("compiler.summarize.summarize", fail)
    failed, skipped = compile_projects(server_home, ["acme/shop", "acme/none"], max_usd=1.0)
    assert isinstance(failed, StoreError)
    assert isinstance(skipped, ProjectReport)
    flow_run = api.flow_run("compile acme/shop")
    step = "summarize sessions 1-6 of 6, acme/shop"
    assert api.task_runs(flow_run["id"], step)[step]["run_count"] == 1


def test_after_a_failure_nothing_more_is_spent(
    api: Api, server_home: Path, server: PricedServer, team: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The next project of the run is done without a model: how much was left is not known."""
    upload(open_runtime(), [team], project="acme/one")
    upload(open_runtime(), [team], project="acme/two")
    grow, failures = compiler.tree.grow, [StoreError("busy")]

    async def fail_once(*arguments: Any, **options: Any) -> Any:
        if failures:
            raise failures.pop()
        return await grow(*arguments, **options)

    monkeypatch.setattr("compiler.tree.grow", fail_once)
    failed, second = compile_projects(server_home, ["acme/one", "acme/two"], max_usd=5.0)
    assert isinstance(failed, StoreError)
    assert isinstance(second, ProjectReport)
    assert second.llm.calls == 0
    assert second.llm.cached == 12


def test_an_unpriced_model_is_refused_by_the_flow_too(
    api: Api, server_home: Path, server: PricedServer, team: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A run that somebody else triggers with a limit ends before anything is sent."""
    monkeypatch.setenv("RLM_CONTEXT_MODELS__SUB", "anthropic:claude-next")
    upload(open_runtime(), [team], project="acme/shop")
    (failed,) = compile_projects(server_home, ["acme/shop"], max_usd=1.0)
    assert isinstance(failed, SettingsError)
    assert 'prices."claude-next"' in str(failed.next_command)
    assert server.received == []


def test_the_table_of_a_run_shows_its_cost() -> None:
    """Calls and dollars with the date of the prices; nothing of it where no model was asked."""
    rows = numbers_rows(ProjectReport(project="p", llm=Usage(calls=3, usd=0.123456)), [])
    told = {str(row["what"]): row["value"] for row in rows}
    assert told["model calls"] == 3
    assert told[f"US dollars, prices of {PRICES_DATE}"] == 0.1235
    assert "model calls" not in {row["what"] for row in numbers_rows(ProjectReport(project="p"), [])}
