"""A compile whose batches go to a Dask cluster makes what this process makes."""

import asyncio
import os
import sys
from pathlib import Path
from typing import Any

import pytest

from compiler.pipeline import compile_project
from compiler.runtime import open_runtime
from compiler.steps import DirectSteps
from compiler.uploading.upload import upload
from data_models.errors import DamagedError, SettingsError
from flows.compile import compile_context
from tasks.dask import DaskCluster
from tests.flows.helpers import Api
from tests.flows.same import hits, made
from tests.synthetic import write_team

PROJECT = "acme/shop"
SESSIONS = 24

# Prefect and Dask leave connections of their threads to the garbage collector.
pytestmark = [
    pytest.mark.filterwarnings("ignore:unclosed:ResourceWarning"),
    pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning"),
]


def test_a_dask_cluster_makes_what_this_process_makes(
    api: Api, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """On a cluster of two workers: the same Parquet, summaries, texts, and hits of 100 queries."""
    team = write_team(tmp_path / "team", SESSIONS)
    monkeypatch.setattr("tasks.dask.os.cpu_count", lambda: 2)
    monkeypatch.setenv("RLM_CONTEXT_RUNNER", "dask")
    away = open_runtime()
    upload(away, [team], project=PROJECT)
    report = asyncio.run(compile_context(PROJECT))
    assert report.sessions.new == SESSIONS
    run = api.flow_run(f"compile {PROJECT}")
    batches = {
        f"{step} sessions {part} of {SESSIONS}, {PROJECT}"
        for step in ("ingest", "summarize")
        for part in ("1-10", "11-20", "21-24")
    }
    named = api.task_runs(run["id"], *batches)  # in the order in which the workers began
    assert {name for name in named if name.startswith(("ingest", "summarize"))} == batches
    monkeypatch.setenv("RLM_CONTEXT_RUNNER", "local")
    monkeypatch.setenv("RLM_CONTEXT_STORE", str(tmp_path / "here"))
    here = open_runtime()
    upload(here, [team], project=PROJECT)
    asyncio.run(compile_project(here, PROJECT, DirectSteps(here)))
    assert made(away, PROJECT) == made(here, PROJECT)
    assert hits(away, PROJECT) == hits(here, PROJECT)


def test_dask_is_an_extra(api: Api, uploaded: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Without its package the compile says what to install."""
    monkeypatch.setenv("RLM_CONTEXT_RUNNER", "dask")
    monkeypatch.setitem(sys.modules, "prefect_dask", None)
    monkeypatch.setitem(sys.modules, "prefect_dask.task_runners", None)
    with pytest.raises(SettingsError) as caught:
        asyncio.run(compile_context(uploaded))
    assert caught.value.next_command == "pip install 'rlm-context[dask]'"


def test_an_error_of_a_worker_arrives(api: Api, uploaded: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """What ends a batch on a worker ends the compile here, as the error that it is."""
    monkeypatch.setattr("tasks.dask.os.cpu_count", lambda: 1)
    monkeypatch.setenv("RLM_CONTEXT_RUNNER", "dask")
    home = Path(os.environ["RLM_CONTEXT_HOME"])
    real = DaskCluster.run

    async def lose_store(self: DaskCluster, task: Any, **parameters: Any) -> Any:
        (home / "store" / "store.json").write_text("damaged")
        return await real(self, task, **parameters)

    monkeypatch.setattr(DaskCluster, "run", lose_store)
    with pytest.raises(DamagedError, match=r"store\.json"):
        asyncio.run(compile_context(uploaded))
