"""The address and the password of `rlm-context up`: the same each time, and others where they have to be."""

import json
import socket
import urllib.request
from contextlib import closing
from pathlib import Path

import pytest

from flows import server_process
from flows.local_server import local_server, wait_until_healthy
from flows.server_process import PASSWORD, PORT
from tests.waiting import PATIENCE


def port(folder: Path) -> int:
    """The port that a server with schedules takes now; it is free again after that."""
    with closing(server_process._last_port(folder)) as listener:
        return int(listener.getsockname()[1])


def test_the_port_stays_as_long_as_nobody_takes_it(tmp_path: Path) -> None:
    """The second server has the first one's; where another program has it, a new one, which then stays."""
    first = port(tmp_path)
    assert port(tmp_path) == first
    with socket.create_server(("127.0.0.1", first)):
        second = port(tmp_path)
        assert second != first
    assert port(tmp_path) == second


@pytest.mark.parametrize("kept", ["", "70000", "-1", "no port", "9" * 40])
def test_what_is_no_port_is_given_up(kept: str, tmp_path: Path) -> None:
    """A damaged file costs the address, and nothing else."""
    (tmp_path / PORT).write_text(kept)
    taken = port(tmp_path)
    assert (tmp_path / PORT).read_text() == str(taken)


def test_the_password_stays(tmp_path: Path) -> None:
    """A browser that knows it is not asked again; nobody else can read it."""
    first = server_process._password(tmp_path)
    assert server_process._password(tmp_path) == first
    assert (tmp_path / PASSWORD).stat().st_mode & 0o777 == 0o600


@pytest.mark.parametrize(
    ("kept", "mode"), [("", 0o600), ("short", 0o600), ("é" * 32, 0o600), ("a" * 32, 0o644)]
)
def test_a_password_that_is_none_is_replaced(kept: str, mode: int, tmp_path: Path) -> None:
    """A damaged one, and one that others could read, is not asked for."""
    (tmp_path / PASSWORD).write_text(kept)
    (tmp_path / PASSWORD).chmod(mode)
    made = server_process._password(tmp_path)
    assert made not in (kept, "")
    assert (tmp_path / PASSWORD).stat().st_mode & 0o777 == 0o600
    assert server_process._password(tmp_path) == made


@pytest.mark.timeout(300)
def test_the_ui_asks_the_server_that_shows_it(warm_home: Path) -> None:
    """It comes up at the address of last time, and the page is told that very address for its requests."""
    (warm_home / "prefect" / PORT).write_text(str(port(warm_home / "prefect")))
    with local_server(warm_home, linger=0.2, schedules=True) as server:
        wait_until_healthy(warm_home, server)
        assert server.url.endswith(f":{(warm_home / 'prefect' / PORT).read_text()}/api")
        with urllib.request.urlopen(server.url.replace("/api", "/ui-settings"), timeout=PATIENCE) as response:
            assert json.load(response)["api_url"] == server.url
