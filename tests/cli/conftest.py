"""A compiled home for all tests that only read, and compiles without Prefect for those that write."""

import asyncio
import os
import shutil
from collections.abc import Iterator, Sequence
from pathlib import Path

import pytest

import flows.run
from compiler.pipeline import DirectSteps, compile_project
from compiler.report import ProjectReport
from compiler.runtime import open_runtime
from data_models.errors import RlmContextError
from flows.local_server import local_server, wait_until_healthy
from tests.cli.helpers import EXAMPLES, Result, rlm, shell

PROJECT = "acme/tidewatch"


@pytest.fixture(scope="session")
def live_home(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """A home whose Prefect server runs for the whole session, so that a compile need not start one."""
    folder = tmp_path_factory.mktemp("live") / "home"
    with local_server(folder, linger=1) as server:
        wait_until_healthy(folder, server)
        yield folder


@pytest.fixture(scope="session")
def first_compile(live_home: Path) -> Result:
    """The examples compiled by the real command, through Prefect, in the live home's own store."""
    settings = {"HOME": live_home.parent, "RLM_CONTEXT_HOME": live_home, "RLM_CONTEXT_AUTHOR": "someone"}
    return shell("compile", "--source", EXAMPLES, "--project", PROJECT, **settings)


@pytest.fixture
def compiled(live_home: Path, first_compile: Result, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The compiled home as this test's home; the test must only read it."""
    assert first_compile.code == 0, first_compile.err
    monkeypatch.setenv("RLM_CONTEXT_HOME", str(live_home))
    monkeypatch.setenv("RLM_CONTEXT_AUTHOR", "someone")
    return live_home


@pytest.fixture
def direct(home: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """This test's own empty home, where compiles run without Prefect."""

    def compile_projects(
        folder: Path, projects: Sequence[str], *, full: bool = False, max_usd: float | None = None
    ) -> list[ProjectReport | RlmContextError]:
        results: list[ProjectReport | RlmContextError] = []
        for project in projects:
            runtime = open_runtime()
            try:
                steps = DirectSteps(runtime)
                results.append(asyncio.run(compile_project(runtime, project, steps, full=full)))
            except RlmContextError as error:
                results.append(error)
        return results

    monkeypatch.setattr(flows.run, "compile_projects", compile_projects)
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
