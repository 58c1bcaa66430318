"""Several commands at once, and commands that are stopped: through Prefect, as processes."""

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.cli.helpers import MIRA, ROOT, assert_one_line, finish, rlm, start
from tests.rlm.servers.faults import Fault, always
from tests.rlm.servers.messages import MESSAGES, MessagesServer
from tests.waiting import until


@pytest.fixture
def own_store(
    live_home: Path, without_prefect: None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A store of this test's own, and the home whose Prefect server runs."""
    values = {"RLM_CONTEXT_HOME": live_home, "RLM_CONTEXT_STORE": tmp_path / "store"}
    for name, value in values.items():
        monkeypatch.setenv(name, str(value))


@pytest.fixture
def models() -> Iterator[MessagesServer]:
    """A provider that never answers: no compile is over before it is stopped."""
    with MessagesServer() as server:
        server.faults = always(Fault("hang"))
        yield server


def stop_at(process: subprocess.Popen[str], step: str, models: MessagesServer) -> None:
    """Press Ctrl-C when this step has begun, and where that asks models, when one is asked."""
    assert process.stderr is not None
    seen = []
    for line in process.stderr:
        seen.append(line)
        if line.startswith(f"compile: {step}"):
            until(lambda: step == "reading" or models.requests(MESSAGES))
            return process.send_signal(signal.SIGINT)
    raise AssertionError(f"{step} never began: {seen}")


@pytest.mark.parametrize("step", ["reading", "summarize"])
def test_ctrl_c_is_one_line_and_the_next_run_goes_on(
    step: str, own_store: None, models: MessagesServer
) -> None:
    """While reading and inside the flow: exit 1, the last generation readable, nothing lost."""
    project = f"stopped-{step}"
    asks = {
        "RLM_CONTEXT_BACKEND": "model",
        "ANTHROPIC_BASE_URL": models.url,
        "ANTHROPIC_API_KEY": "sk-test-0123456789",
    }
    process = start("compile", "--source", MIRA, "--project", project, **asks)
    stop_at(process, step, models)
    result = finish(process)
    said = [line for line in result.err.splitlines() if line]  # an empty one follows a terminal's ^C
    assert said[-1] == (
        "rlm-context: interrupted. Nothing is lost. Next: the same command again, which goes on from here"
    )
    assert_one_line(result._replace(err="\n".join(said)))
    if step != "reading":
        assert "was stopped" in rlm("status").out
    again = rlm("compile", "--json", "--source", MIRA, "--project", project)
    assert again.code == 0
    assert again.document["totals"]["sessions"]["total"] == 4
    assert "[s:" in rlm("search", "sqlite").out


def test_ctrl_c_while_something_is_imported(tmp_path: Path) -> None:
    """Libraries execute strings then, and Python would end as killed by the signal: exit 1, as ever."""
    (tmp_path / "stopped.py").write_text(
        "from rlm_context import failures, main\n"
        "main._dispatch = lambda arguments: exec('raise KeyboardInterrupt')\n"
        "main.main()\n"
    )
    environment = os.environ | {"PYTHONPATH": str(ROOT)}
    done = subprocess.run(
        [sys.executable, "-m", "stopped"], cwd=tmp_path, env=environment, stderr=subprocess.PIPE, check=False
    )
    assert (done.returncode, len(done.stderr.splitlines())) == (1, 1)


def test_two_compiles_of_a_project_at_the_same_moment(own_store: None) -> None:
    """Both succeed, one generation stands, and who came second waited and found nothing left to do."""
    both = [start("compile", "--json", "--source", MIRA, "--project", "twice") for _ in range(2)]
    results = [finish(process) for process in both]
    assert [result.code for result in results] == [0, 0], [result.err for result in results]
    reports = [result.document["projects"][0] for result in results]
    assert reports[0]["generation"] == reports[1]["generation"]
    assert reports[0]["generation"].startswith("0000000001-")
    assert sorted(report["sessions"]["new"] for report in reports) == [0, 4]


def test_reading_while_a_compile_runs(own_store: None) -> None:
    """Readers see the last generation until the next one stands."""
    assert rlm("compile", "--source", MIRA, "--project", "read").code == 0
    process = start("compile", "--full", "--source", MIRA, "--project", "read")
    assert process.stderr is not None
    for line in process.stderr:
        if line.startswith("compile: index"):
            break
        assert rlm("show").out.startswith("# read\n")
    assert finish(process).code == 0
