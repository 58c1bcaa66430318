"""A checkout to work in, and a worker whose compiles need no Prefect."""

from pathlib import Path

import pytest

from rlm_context.hooks.worker import waiting
from tests.hooks.helpers import REMOTE, compile_here


@pytest.fixture
def checkout(home: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A checkout with a remote, and the user's name."""
    folder = home / "tide"
    (folder / ".git").mkdir(parents=True)
    (folder / ".git" / "config").write_text(f'[remote "origin"]\n\turl = https://{REMOTE}.git\n')
    monkeypatch.setenv("RLM_CONTEXT_AUTHOR", "ann")
    return folder


@pytest.fixture
def triggered(monkeypatch: pytest.MonkeyPatch) -> list[tuple[str, tuple[str, ...]]]:
    """The compiles that workers of this process triggered: store and projects."""
    calls: list[tuple[str, tuple[str, ...]]] = []

    def trigger(store_url: str, projects: list[str], *, own_server: bool = False) -> bool:
        calls.append((store_url, tuple(projects)))
        return compile_here(store_url, projects)

    monkeypatch.setattr(waiting, "compile_projects_of", trigger)
    return calls
