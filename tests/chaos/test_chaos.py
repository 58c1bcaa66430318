"""Compiles while another process kills flow runs, the served deployments, the Prefect server, the database."""

import random
import sys
from pathlib import Path

import pytest

from tests.chaos.calls import WatchedModels
from tests.chaos.outcome import chaos
from tests.chaos.postgres import programs
from tests.chaos.run import settings

pytestmark = [
    pytest.mark.slow,
    pytest.mark.timeout(1200),  # a minute or so where nothing else runs
    pytest.mark.skipif(sys.platform != "linux", reason="flow runs' processes are found in Linux's /proc"),
    # Prefect leaves the connections of its threads to the garbage collector.
    pytest.mark.filterwarnings("ignore:unclosed <socket:ResourceWarning"),
]


@pytest.mark.parametrize(("database", "compiles", "kills"), [("sqlite", 5, 5), ("postgresql", 4, 5)])
def test_whatever_is_killed_every_session_is_compiled_whole_and_paid_once(
    database: str, compiles: int, kills: int, home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Every session is in a generation, none is torn, only calls in flight came again, and the history says so."""
    if database == "postgresql" and programs() is None:
        pytest.skip("PostgreSQL is not installed")
    seed = random.randrange(1 << 32)
    print(f"seed {seed}")
    with WatchedModels() as models:
        for name, value in settings(models, home).items():
            monkeypatch.setenv(name, value)
        found = chaos(home, models, seed, compiles=compiles, kills=kills, database=database)
    print(found)
    assert list(found.problems()) == []
    assert found.kills.total() > 0
    assert found.generations >= compiles
