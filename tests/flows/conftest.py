"""One real Prefect server for all flow tests, and processes that are gone when a test ends."""

import gc
import os
import shutil
import sqlite3
import subprocess
import sys
import warnings
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path

import pytest

from compiler.runtime import open_runtime
from compiler.uploading.upload import upload
from flows.local_server import live_server, local_server, wait_until_healthy
from flows.prefect_api import prefect_api
from tests.flows.helpers import ROOT, SOURCE, Api


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Whatever starts a server here has the time that this takes on a busy machine."""
    here = Path(__file__).parent
    for item in items:
        if item.path.is_relative_to(here) and item.get_closest_marker("timeout") is None:
            item.add_marker(pytest.mark.timeout(400))


@pytest.fixture(scope="session")
def server_home(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """A home whose local server lives for the whole test run."""
    folder = tmp_path_factory.mktemp("prefect") / "home"
    with local_server(folder, linger=1) as server:
        wait_until_healthy(folder, server)
        _copy_database(folder / "prefect" / "prefect.db", folder.parent / "empty.db")
        yield folder


def _copy_database(source: Path, target: Path) -> None:
    with closing(sqlite3.connect(source)) as before, closing(sqlite3.connect(target)) as copy:
        before.backup(copy)


@pytest.fixture(autouse=True)
def nothing_left(request: pytest.FixtureRequest) -> Iterator[None]:
    """Prefect leaves its threads' connections to the garbage collector; no later test shall be blamed for them."""
    yield
    if "server_home" in request.fixturenames:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", ResourceWarning)
            gc.collect()


@pytest.fixture
def api(server_home: Path) -> Iterator[Api]:
    """The server, with this process's Prefect pointed at it."""
    server = live_server(server_home)
    assert server is not None
    with prefect_api(server_home):
        yield Api(server)


@pytest.fixture
def warm_home(server_home: Path, home: Path) -> Path:
    """This test's home with a migrated database in it: its server starts in three seconds instead of ten.

    The database is as it was before any test used the server.
    """
    folder = home / "rlm-context"
    (folder / "prefect").mkdir(parents=True, mode=0o700)
    _copy_database(server_home.parent / "empty.db", folder / "prefect" / "prefect.db")
    shutil.copy(server_home / "prefect" / "memo_store.toml", folder / "prefect")
    shutil.copytree(server_home / "prefect" / "ui", folder / "prefect" / "ui")
    return folder


@pytest.fixture
def uploaded() -> str:
    """A project with example sessions in this test's store, not compiled yet."""
    upload(open_runtime(), [SOURCE], project="acme/tidewatch")
    return "acme/tidewatch"


@pytest.fixture
def start() -> Iterator[Callable[..., subprocess.Popen[str]]]:
    """Starts Python code in other processes."""
    processes: list[subprocess.Popen[str]] = []

    def start_one(
        code: str, *arguments: object, cwd: Path = ROOT, **settings: object
    ) -> subprocess.Popen[str]:
        process = subprocess.Popen(
            [sys.executable, "-c", code, *map(str, arguments)],
            env=os.environ
            | {"PYTHONPATH": str(ROOT)}
            | {name: str(value) for name, value in settings.items()},
            cwd=cwd,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        processes.append(process)
        return process

    yield start_one
    for process in processes:
        process.kill()
        process.communicate()
