"""What models cost is said before, limited meanwhile, and shown after."""

from collections.abc import Iterator
from importlib.util import find_spec
from pathlib import Path

import pytest

from compiler.runtime import open_runtime
from compiler.uploading.upload import upload
from data_models.errors import StoreError
from store.spool import Spool
from tests.cli.helpers import Result, assert_one_line, rlm, tree
from tests.cli.shapes import SHAPES, misfits
from tests.compiler.models.server_model import MAP
from tests.rlm.servers.backend import model_server
from tests.rlm.servers.faults import Fault
from tests.rlm.servers.priced import PricedServer
from tests.synthetic import write_team


@pytest.fixture
def server(direct: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[PricedServer]:
    """This test's home, with models on a loopback server."""
    with model_server(monkeypatch) as running:
        yield running


@pytest.fixture
def team(tmp_path: Path) -> Path:
    """Six sessions, twelve chunks."""
    return write_team(tmp_path / "team", 6, turns=12, per_day=2)


def compile_team(team: Path, *options: str, project: str = "shop") -> Result:
    return rlm("compile", "--source", team, "--project", project, *options)


def test_a_dry_run_sends_and_writes_nothing(server: PricedServer, team: Path, home: Path) -> None:
    """It names each step with calls, tokens and dollars, and the date of the prices; the home stays empty."""
    result = compile_team(team, "--dry-run")
    assert result.code == 0
    assert [line.split()[0] for line in result.out.splitlines()[2:9]] == [
        *("step", "map", "digests", "rollups", "root", "sub-calls", "all"),
    ]
    assert "prices of 20" in result.out
    assert "Nothing was sent" in result.out
    assert server.received == []
    assert tree(home) == {}


def test_a_dry_run_has_its_documented_shape(server: PricedServer, team: Path) -> None:
    """Also with models, and its sums are those of its steps."""
    document = compile_team(team, "--dry-run", "--json").document
    assert list(misfits(document, SHAPES["compile-dry-run"])) == []
    for name in ("calls", "cached", "input_tokens", "output_tokens", "usd"):
        assert document[name] == pytest.approx(sum(step[name] for step in document["steps"]))
    assert document["calls"] > 12


def test_a_dry_run_without_sources_counts_what_waits(server: PricedServer, team: Path) -> None:
    """Uploads that nothing has compiled yet are read from the store; of one project, if one is named."""
    upload(open_runtime(), [team], project="acme/shop")
    waiting = rlm("compile", "--dry-run", "--json").document
    assert (waiting["sessions"], waiting["steps"][0]["calls"]) == (0, 12)
    assert rlm("compile", "--dry-run", "--json", "--project", "shop").document == waiting
    assert rlm("compile", "--dry-run", "--json", "--project", "other").document["calls"] == 0
    assert server.received == []


def test_a_dry_run_counts_what_is_in_the_spool(
    server: PricedServer, team: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Uploads that could not reach the store yet are counted once, whether or not the files are at hand."""
    monkeypatch.setenv("RLM_CONTEXT_STORE", str(tmp_path / "shared"))

    def unreachable(*arguments: object) -> list[str]:
        raise StoreError("out of reach")

    with monkeypatch.context() as broken:
        broken.setattr(Spool, "_flush_batch", unreachable)
        assert compile_team(team).code == 1
    expected = compile_team(team, "--dry-run", "--json").document["steps"]
    assert expected[0]["calls"] == 12
    assert rlm("compile", "--dry-run", "--json").document["steps"] == expected


def test_costs_are_shown_after_a_compile(server: PricedServer, team: Path) -> None:
    """At its end, in `status`, by session and in every document: the server's own sum."""
    result = compile_team(team)
    assert result.code == 0, result.err
    (line,) = [line for line in result.out.splitlines() if " model calls" in line]
    assert f"{len(server.said)} model calls" in line
    assert "(prices of 20" in line
    status = rlm("status")
    assert "Spent on models since 20" in status.out
    assert "last run" in status.out
    document = rlm("status", "--json").document
    assert list(misfits(document, SHAPES["status"])) == []
    (project,) = document["projects"]
    assert project["usd"] == project["spent"]["total"]["usd"] == pytest.approx(server.usd)
    sessions = rlm("sessions", "--json").document
    assert list(misfits(sessions, SHAPES["sessions"])) == []
    shares = [session["usd"] for session in sessions["sessions"]]
    assert all(share > 0 for share in shares)
    assert sum(shares) < server.usd
    assert "prices of 20" in rlm("sessions").out


def test_totals_grow_with_generations(server: PricedServer, team: Path, tmp_path: Path) -> None:
    """The last run is told apart from all of them, and a compile of nothing new costs nothing."""
    compile_team(team)
    first = server.usd
    compile_team(write_team(tmp_path / "team", 7, turns=12, per_day=2))
    again = compile_team(team, "--json").document
    assert again["totals"]["llm"]["calls"] == 0
    spent = rlm("status", "--json").document["projects"][0]["spent"]
    assert spent["generations"] == 2
    assert spent["total"]["usd"] == pytest.approx(server.usd)
    assert spent["last"]["usd"] == pytest.approx(server.usd - first)


def test_extractive_says_nothing_of_money(direct: Path, team: Path) -> None:
    """Where no model was ever asked there are no columns of dollars."""
    assert "$" not in compile_team(team).out
    assert "$" not in rlm("status").out + rlm("sessions").out


def test_no_money_sends_nothing(server: PricedServer, team: Path) -> None:
    """With --max-usd 0 not even a token count leaves; all is done without a model, and the next command mends it."""
    result = compile_team(team, "--max-usd", "0")
    assert result.code == 0
    assert server.received == []
    assert "# shop" in result.out
    told = [line for line in result.err.splitlines() if "is degraded" in line]
    assert any("12 chunks: the limit of --max-usd is reached" in line for line in told)
    assert len(told) == len(set(told))
    assert result.last_line.endswith("Next: rlm-context compile --project shop --full")
    mended = rlm("compile", "--project", "shop", "--full", "--json")
    assert mended.document["projects"][0]["degraded"] == []
    assert mended.document["projects"][0]["next_command"] == ""
    assert server.usd > 0


def test_the_limit_holds(server: PricedServer, team: Path) -> None:
    """Some calls are paid, the sum at the server stays below the limit, and what was paid is free the next time."""
    report = compile_team(team, "--max-usd", "0.04", "--json").document["projects"][0]
    assert 0 < server.usd <= 0.04
    assert report["llm"]["usd"] == pytest.approx(server.usd)
    paid = sum(call.model == MAP for call, _ in server.said)
    assert 0 < paid < 12
    assert f"{12 - paid} chunks: the limit of --max-usd is reached" in report["degraded"]
    compile_team(team, "--full")
    asked = [call.text for call, _ in server.said if call.model == MAP]
    assert len(asked) == len(set(asked)) == 12


def test_the_limit_is_that_of_all_projects(server: PricedServer, team: Path, tmp_path: Path) -> None:
    """Two projects compiled in one run share it."""
    compile_team(team, "--max-usd", "0", project="one")
    compile_team(write_team(tmp_path / "other", 4, turns=9), "--max-usd", "0", project="two")
    result = rlm("compile", "--full", "--max-usd", "0.2")
    assert result.code == 0
    assert 0 < server.usd <= 0.2


def test_a_limit_without_a_price_is_refused(
    server: PricedServer, team: Path, home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Before anything is read or sent, naming the setting that is missing."""
    monkeypatch.setenv("RLM_CONTEXT_MODELS__MAP", "anthropic:claude-next")
    result = compile_team(team, "--max-usd", "1")
    assert_one_line(result, "anthropic:claude-next", '[prices."claude-next"]')
    assert server.received == []


def test_an_unknown_price_is_named(server: PricedServer, team: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Without a limit the model is asked, its tokens counted, and every sum says that it is not in it."""
    monkeypatch.setenv("RLM_CONTEXT_MODELS__MAP", "anthropic:claude-next")
    result = compile_team(team)
    assert "No price is known for claude-next" in result.out
    assert "No price is known for claude-next" in rlm("status").out
    # A price that is set later counts what was recorded before.
    monkeypatch.setenv("RLM_CONTEXT_PRICES", '{"claude-next": {"input": 1, "output": 1}}')
    assert "No price is known" not in rlm("status").out


def test_equal_reasons_are_one_line(server: PricedServer, team: Path) -> None:
    """Refusals are counted by reason, on stderr and in the document."""
    server.faults = lambda number, path: Fault("refusal")
    report = compile_team(team, "--json").document["projects"][0]
    assert "12 chunks: the model refused" in report["degraded"]
    assert report["next_command"] == "rlm-context compile --project shop --full"


def test_doctor_looks_at_models(server: PricedServer, monkeypatch: pytest.MonkeyPatch) -> None:
    """Models, prices and the sandbox stand; nothing is sent, and the key is not shown."""
    result = rlm("doctor", "--json")
    assert result.code == 0
    checks = {check["name"]: check for check in result.document["checks"]}
    assert checks["models"]["ok"] is checks["prices"]["ok"] is checks["sandbox"]["ok"] is True
    assert "sk-test-never-shown" not in result.out
    assert server.received == []


@pytest.mark.parametrize(
    ("setting", "value", "check", "says"),
    [
        ("RLM_CONTEXT_MODELS__MAP", "nobody:x", "models", "name one of"),
        ("RLM_CONTEXT_MODELS__ROOT", "claude", "models", "name one of"),
        ("ANTHROPIC_API_KEY", "", "models", "export ANTHROPIC_API_KEY"),
        pytest.param(
            *("RLM_CONTEXT_MODELS__SUB", "agent-sdk:claude-sonnet-5-5", "models", "rlm-context[agent-sdk]"),
            marks=pytest.mark.skipif(
                find_spec("claude_agent_sdk") is not None, reason="the SDK is installed"
            ),
        ),
    ],
)
def test_doctor_says_what_mends_a_model(
    server: PricedServer, monkeypatch: pytest.MonkeyPatch, setting: str, value: str, check: str, says: str
) -> None:
    """An unknown provider, a missing key or package: bad, with the command that mends it."""
    monkeypatch.setenv(setting, value)
    result = rlm("doctor", "--json")
    assert result.code == 1
    bad = [found for found in result.document["checks"] if found["ok"] is False]
    assert {found["name"] for found in bad} == {check}
    assert any(says in found["next_command"] for found in bad)
    assert server.received == []


def test_doctor_names_an_unknown_price(server: PricedServer, monkeypatch: pytest.MonkeyPatch) -> None:
    """Worth knowing, not wrong: the model can be asked."""
    monkeypatch.setenv("RLM_CONTEXT_MODELS__MAP", "anthropic:claude-next")
    result = rlm("doctor", "--json")
    notes = [found for found in result.document["checks"] if found["name"] == "prices" and not found["ok"]]
    assert result.code == 0
    assert [(note["ok"], '[prices."claude-next"]' in note["next_command"]) for note in notes] == [
        (None, True)
    ]


def test_doctor_says_that_the_jail_is_missing(server: PricedServer, monkeypatch: pytest.MonkeyPatch) -> None:
    """Without bubblewrap the sandbox cannot start, and the line says what to install."""
    monkeypatch.setenv("RLM_CONTEXT_SANDBOX", "jail")
    monkeypatch.setattr("rlm.sandbox.jail.shutil.which", lambda name: None)
    (found,) = [check for check in rlm("doctor", "--json").document["checks"] if check["name"] == "sandbox"]
    assert found["ok"] is False
    assert "bubblewrap" in found["next_command"]


def test_doctor_says_nothing_of_models_where_none_is_asked(direct: Path) -> None:
    """With the backend `extractive` there is nothing to set up."""
    names = {check["name"] for check in rlm("doctor", "--json").document["checks"]}
    assert not names & {"models", "prices", "sandbox"}
