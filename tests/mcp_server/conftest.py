"""The examples, compiled without Prefect once for all tests that only read."""

import asyncio
from pathlib import Path

import pytest

from compiler.local_copy import refresh
from compiler.pipeline import compile_project
from compiler.runtime import open_runtime
from compiler.steps import DirectSteps
from compiler.uploading.upload import upload
from tests.mcp_server.helpers import EXAMPLES, PROJECT


@pytest.fixture(scope="session")
def _compiled(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("compiled")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("HOME", str(folder))
        patch.setenv("RLM_CONTEXT_HOME", str(folder / "rlm-context"))
        patch.setenv("RLM_CONTEXT_AUTHOR", "someone")
        runtime = open_runtime()
        for source, project in ((EXAMPLES, PROJECT), (EXAMPLES / "tomasz", "acme/other")):
            upload(runtime, [source], project=project)
            asyncio.run(compile_project(runtime, project, DirectSteps(runtime)))
            refresh(runtime, project)
    return folder / "rlm-context"


@pytest.fixture
def compiled(_compiled: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The compiled home as this test's; the test must only read it."""
    monkeypatch.setenv("RLM_CONTEXT_HOME", str(_compiled))
    return _compiled


@pytest.fixture
def checkout(home: Path) -> Path:
    """A folder whose project is the compiled one."""
    folder = home / "tidewatch"
    (folder / ".git").mkdir(parents=True)
    (folder / ".git" / "config").write_text(f'[remote "origin"]\n\turl = https://{PROJECT}.git\n')
    return folder
