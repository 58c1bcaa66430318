"""Compiles while another process kills flow runs, the served deployments, the Prefect server, the database."""

import random
import sys
from pathlib import Path

import pytest

from tests.chaos.calls import WatchedModels
from tests.chaos.killer import ASKING_FLOW, FLOW
from tests.chaos.outcome import chaos
from tests.chaos.run import settings
from tests.postgres import programs

pytestmark = [
    pytest.mark.timeout(2700),  # two minutes or so where nothing else runs
    pytest.mark.skipif(sys.platform != "linux", reason="flow runs' processes are found in Linux's /proc"),
    # Prefect leaves the connections of its threads to the garbage collector.
    pytest.mark.filterwarnings("ignore:unclosed <socket:ResourceWarning"),
]

PARTS = {FLOW, ASKING_FLOW, "server", "worker"}


@pytest.mark.parametrize(
    ("database", "compiles", "parts"),
    [("sqlite", 20, PARTS), ("postgresql", 8, PARTS | {"database"})],
    ids=["sqlite", "postgresql"],
)
def test_whatever_is_killed_every_session_is_compiled_whole_and_paid_once(
    database: str, compiles: int, parts: set[str], home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Every session is in a generation, none is torn, only calls in flight came again, and the history says so."""
    if database == "postgresql" and programs() is None:
        pytest.skip("PostgreSQL is not installed")
    seed = random.randrange(1 << 32)
    print(f"seed {seed}")
    with WatchedModels() as models:
        for name, value in settings(models, home).items():
            monkeypatch.setenv(name, value)
        found = chaos(home, models, seed, compiles=compiles, kills=len(parts) + 2, database=database)
    print(found)
    assert list(found.problems()) == []
    assert found.kills.keys() == parts
    assert found.in_flight > 0
    assert found.generations >= compiles / 2
