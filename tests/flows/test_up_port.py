"""The address of `rlm-context up`: the same one each time, and another where somebody took it."""

import json
import socket
import urllib.request
from pathlib import Path

import pytest

from flows.local_server import live_server, local_server, wait_until_healthy
from flows.server_process import PORT
from tests.flows.helpers import poll


def address(home: Path) -> str:
    """Start a server as `up` does, and end it; the address that its UI had."""
    with local_server(home, linger=0.2, schedules=True) as server:
        wait_until_healthy(home, server)
        url = server.url.removesuffix("/api")
        with urllib.request.urlopen(f"{url}/ui-settings", timeout=30) as response:
            assert json.load(response)["api_url"] == server.url
    poll(lambda: True if live_server(home) is None else None)
    return url


@pytest.mark.slow
def test_the_address_stays_as_long_as_nobody_takes_it(warm_home: Path) -> None:
    """A bookmark of the UI holds; a port that another program has, or that is none, is given up for a free one."""
    first = address(warm_home)
    assert address(warm_home) == first
    with socket.create_server(("127.0.0.1", int(first.rpartition(":")[2]))):
        second = address(warm_home)
    assert second != first
    assert address(warm_home) == second
    (warm_home / "prefect" / PORT).write_text("70000")
    assert address(warm_home).startswith("http://127.0.0.1:")


def test_a_compiles_own_server_takes_any_port(warm_home: Path) -> None:
    """Only the address that people look at is remembered."""
    with local_server(warm_home, linger=0.2):
        assert not (warm_home / "prefect" / PORT).exists()
