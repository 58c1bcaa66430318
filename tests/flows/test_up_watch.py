"""`rlm-context up` watches its server for as long as it serves, and not a moment longer."""

import threading
from pathlib import Path

import pytest

from flows import up
from flows.local_server import LocalServer
from tests.waiting import until

SERVER = LocalServer(1, "http://127.0.0.1:1/api", "ann:secret", schedules=True)


@pytest.fixture
def servers(monkeypatch: pytest.MonkeyPatch) -> list[LocalServer | None]:
    """The home's server as it is now: whatever stands last in here."""
    found: list[LocalServer | None] = [SERVER]
    monkeypatch.setattr(up, "live_server", lambda home: found[-1])
    monkeypatch.setattr(up, "_WATCH_SECONDS", 0.01)
    return found


@pytest.mark.parametrize("next_server", [None, LocalServer(2, SERVER.url, SERVER.auth, schedules=True)])
def test_a_server_that_is_lost_is_noticed(
    next_server: LocalServer | None, servers: list[LocalServer | None], tmp_path: Path
) -> None:
    """Gone, or another one in its place."""
    lost = threading.Event()
    with up._watched(tmp_path, SERVER, lost.set):  # type: ignore[arg-type]  # it would not return
        servers.append(next_server)
        until(lambda: lost.is_set() or None)


def test_nobody_watches_after_the_end(servers: list[LocalServer | None], tmp_path: Path) -> None:
    """The server ends on its own then, which must not start this process again; also where serving failed."""
    lost = threading.Event()
    before = set(threading.enumerate())
    with (
        pytest.raises(RuntimeError, match="serving failed"),
        up._watched(tmp_path, SERVER, lost.set),  # type: ignore[arg-type]  # it would not return
    ):
        raise RuntimeError("serving failed")
    servers.append(None)
    assert set(threading.enumerate()) <= before
    assert not lost.is_set()
