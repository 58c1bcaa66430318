"""One team's server for the module, its models on loopback, and a developer's machine for each test."""

import gc
import warnings
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.compiler.models.server_model import settings_for
from tests.deploy.models import HeldModels
from tests.deploy.person import Person
from tests.deploy.server import AUTH
from tests.deploy.team import Team
from tests.postgres import MISSING, programs


@pytest.fixture(scope="module")
def models() -> Iterator[HeldModels]:
    """What the worker's runs ask."""
    with HeldModels() as server:
        yield server
        server.free()  # a failed test may have left a run waiting


@pytest.fixture(scope="module")
def team(models: HeldModels, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Team]:
    """PostgreSQL, server and worker, deployed."""
    if programs() is None:
        pytest.skip(MISSING)
    with Team(tmp_path_factory.mktemp("team"), settings_for(models)) as running:
        running.deploy()
        yield running


@pytest.fixture
def person(team: Team, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Person]:
    """A machine with what docs/deploy.md tells developers to set."""
    monkeypatch.setenv("PREFECT_API_URL", team.server.url)
    monkeypatch.setenv("PREFECT_API_AUTH_STRING", AUTH)
    monkeypatch.setenv("RLM_CONTEXT_STORE", str(team.store))
    yield Person(tmp_path)
    with warnings.catch_warnings():  # connections that the client leaves to the garbage collector
        warnings.simplefilter("ignore", ResourceWarning)
        gc.collect()
