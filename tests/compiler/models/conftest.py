"""A compiled project for root passes."""

import shutil
from pathlib import Path

import pytest

from compiler.runtime import Runtime
from tests.compiler.models.root_project import Project, compiled, opened

EXAMPLES = Path(__file__).parents[3] / "examples" / "sessions"


@pytest.fixture(scope="session")
def _kept(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("root") / "home"


@pytest.fixture
def project(runtime: Runtime, _kept: Path) -> Project:
    """The sessions of the examples, compiled without a model; compiled once, then copied for each test."""
    if _kept.is_dir():
        shutil.copytree(_kept, runtime.home, dirs_exist_ok=True)
        return opened(runtime)
    made = compiled(runtime, EXAMPLES)
    shutil.copytree(runtime.home, _kept)
    return made
