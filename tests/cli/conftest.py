"""A compiled home for all tests that only read, and compiles without Prefect for those that write."""

import asyncio
import fcntl
import json
import os
import shutil
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import pytest

import flows.run
from compiler.pipeline import compile_project
from compiler.report import ProjectReport
from compiler.runtime import open_runtime
from compiler.steps import DirectSteps
from data_models.errors import RlmContextError
from flows.local_server import local_server, wait_until_healthy
from tests.cli.helpers import EXAMPLES, Result, rlm, shell

PROJECT = "acme/tidewatch"


@pytest.fixture(scope="session")
def shared(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder of this test run, the same one for all of its worker processes."""
    base = tmp_path_factory.getbasetemp()
    folder = (base.parent if "PYTEST_XDIST_WORKER" in os.environ else base) / "cli"
    folder.mkdir(exist_ok=True)
    return folder


@pytest.fixture(scope="session")
def live_home(shared: Path) -> Iterator[Path]:
    """A home whose Prefect server runs for the whole session, so that a compile need not start one."""
    folder = shared / "home"
    with local_server(folder, linger=1) as server:
        wait_until_healthy(folder, server)
        yield folder


@pytest.fixture(scope="session")
def first_compile(shared: Path, live_home: Path) -> Result:
    """The examples compiled by the real command, through Prefect, in the live home's own store."""
    known = shared / "first_compile.json"
    with (shared / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not known.exists():
            settings = {"HOME": shared, "RLM_CONTEXT_HOME": live_home, "RLM_CONTEXT_AUTHOR": "someone"}
            result = shell("compile", "--source", EXAMPLES, "--project", PROJECT, **settings)
            known.write_text(json.dumps(result))
    return Result(*json.loads(known.read_text()))


@pytest.fixture
def compiled(live_home: Path, first_compile: Result, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The compiled home as this test's home; the test must only read it."""
    assert first_compile.code == 0, first_compile.err
    monkeypatch.setenv("RLM_CONTEXT_HOME", str(live_home))
    monkeypatch.setenv("RLM_CONTEXT_AUTHOR", "someone")
    return live_home


@pytest.fixture
def without_prefect(monkeypatch: pytest.MonkeyPatch) -> None:
    """Compiles of this process call the steps directly, which saves seconds."""

    def compile_projects(
        folder: Path,
        projects: Sequence[str],
        *,
        full: bool = False,
        max_usd: float | None = None,
        begins: Callable[[str], None],
    ) -> list[ProjectReport | RlmContextError]:
        results: list[ProjectReport | RlmContextError] = []
        for project in projects:
            begins(project)
            runtime = open_runtime()
            try:
                steps = DirectSteps(runtime)
                left = flows.run.left(max_usd, results)
                report = compile_project(runtime, project, steps, full=full, max_usd=left)
                results.append(asyncio.run(report))
            except RlmContextError as error:
                results.append(error)
        return results

    monkeypatch.setattr(flows.run, "compile_projects", compile_projects)


@pytest.fixture
def direct(home: Path, without_prefect: None, monkeypatch: pytest.MonkeyPatch) -> Path:
    """This test's own empty home, where compiles run without Prefect."""
    monkeypatch.setenv("RLM_CONTEXT_AUTHOR", "someone")
    monkeypatch.chdir(home)
    return home / "rlm-context"


@pytest.fixture(scope="session")
def _small(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    return {"folder": tmp_path_factory.mktemp("small")}


@pytest.fixture
def small(direct: Path, _small: dict[str, Path]) -> Path:
    """This test's own home with a few sessions compiled in it, to be damaged at will."""
    saved = _small["folder"] / "home"
    if not saved.is_dir():
        assert rlm("compile", "--source", EXAMPLES / "mira", "--project", "shop").code == 0
        shutil.copytree(direct, saved)
        return direct
    shutil.copytree(saved, direct)
    # The copy knows neither its old place nor other stores.
    assert os.environ["RLM_CONTEXT_HOME"] == str(direct)
    return direct
