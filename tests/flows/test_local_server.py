"""One local Prefect server per home: joined, started, ended, and recovered from any kill."""

import fcntl
import json
import os
import shutil
import signal
import stat
import urllib.error
import urllib.request
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from subprocess import Popen

import pytest

from data_models.errors import PipelineError
from flows.configured import configured_api
from flows.local_server import live_server, local_server, wait_until_healthy
from flows.prefect_api import prefect_api
from flows.server_process import SERVER_LOCK, STATE, try_lock
from tests.flows.helpers import COMPILE, HOLD, PATIENT, SESSIONS, SOURCE, Api
from tests.waiting import PATIENCE, until

Start = Callable[..., Popen[str]]

NOTHING_IMPORTED = """
import sys
import flows.local_server, flows.run, flows.server_process
import compiler.pipeline, compiler.runs, compiler.runtime, compiler.uploading.upload
print(sorted(name for name in sys.modules if name.split(".")[0] == "prefect"))
"""
SETTINGS_IN_FORCE = """
import sys
from pathlib import Path
from flows.prefect_api import prefect_api
with prefect_api(Path(sys.argv[1])) as url:
    from prefect.settings import get_current_settings
    settings = get_current_settings()
    print(settings.api.url == url, settings.home, settings.logging.level, Path.cwd())
"""


def ended(home: Path) -> bool | None:
    """True once no process is the home's server."""
    lock = try_lock(home / "prefect" / SERVER_LOCK, fcntl.LOCK_SH)
    if lock is not None:
        os.close(lock)
    return lock is not None or None


def test_importing_the_compiler_and_the_runner_does_not_import_prefect(start: Start) -> None:
    """Prefect is imported only after its server is decided on, and never by the compiler."""
    out, errors = start(NOTHING_IMPORTED).communicate(timeout=PATIENT)
    assert out.strip() == "[]", errors


def test_five_compiles_at_the_same_moment_share_one_server_and_all_succeed(
    warm_home: Path, start: Start
) -> None:
    """Five processes that start at once on a home without a server get one server, and each compiles."""
    compiles = [start(COMPILE, f"acme/project-{number}", SOURCE) for number in range(5)]
    results = [process.communicate(timeout=PATIENT) for process in compiles]
    assert [process.returncode for process in compiles] == [0] * 5, results
    counts, urls = zip(*(out.split() for out, _ in results), strict=True)
    assert counts == (str(SESSIONS),) * 5
    assert len(set(urls)) == 1
    server = live_server(warm_home)
    assert server is not None
    os.kill(server.pid, signal.SIGTERM)  # it would linger


def test_a_killed_server_and_a_killed_user_are_recovered_and_nothing_stays(
    warm_home: Path, start: Start
) -> None:
    """After SIGKILL of starter and server the next command gets a new server, which ends by itself."""
    holder = start(HOLD, warm_home)
    assert holder.stdout is not None
    first_url = holder.stdout.readline().strip()
    holder.kill()  # while the server starts
    with local_server(warm_home, linger=0.5) as joined:
        assert joined.url == first_url
        os.kill(joined.pid, signal.SIGKILL)
        until(lambda: ended(warm_home))
        (warm_home / "prefect" / STATE).write_bytes(b'{"pid": 1, "url": \xff')
        with local_server(warm_home, linger=0.5) as second:
            assert second.pid != joined.pid
            wait_until_healthy(warm_home, second)
    until(lambda: ended(warm_home))
    assert live_server(warm_home) is None
    assert not (warm_home / "prefect" / STATE).exists()


def test_runs_of_killed_processes_do_not_run_for_ever(warm_home: Path) -> None:
    """A run whose process and server were killed shows as crashed once there is a server again."""
    with local_server(warm_home, linger=0) as first:
        api = Api(wait_until_healthy(warm_home, first))
        flow = api.call("POST", "/flows/", {"name": "left"})["id"]
        run = {"flow_id": flow, "name": "left", "state": {"type": "RUNNING"}}
        api.call("POST", "/flow_runs/", run)
        os.kill(first.pid, signal.SIGKILL)
        until(lambda: ended(warm_home))
        with local_server(warm_home, linger=0) as second:
            again = Api(wait_until_healthy(warm_home, second))
            until(lambda: again.flow_run("left")["state_type"] == "CRASHED")


def test_places_of_killed_processes_come_back(warm_home: Path) -> None:
    """A place under a limit whose holder and server were killed is free again once its lease has run out."""
    with local_server(warm_home, linger=0) as first:
        api = Api(wait_until_healthy(warm_home, first))
        api.call("POST", "/v2/concurrency_limits/", {"name": "models", "limit": 1})
        place = {"names": ["models"], "slots": 1, "lease_duration": 60}
        lease = api.call("POST", "/v2/concurrency_limits/increment-with-lease", place)["lease_id"]
        os.kill(first.pid, signal.SIGKILL)
        until(lambda: ended(warm_home))
    _run_out(warm_home / "prefect" / "concurrency_leases", lease)
    with local_server(warm_home, linger=0) as second:
        again = Api(wait_until_healthy(warm_home, second))
        until(lambda: again.call("GET", "/v2/concurrency_limits/models")["active_slots"] == 0)


def _run_out(folder: Path, lease: str) -> None:
    """Make it a minute later for a lease."""
    past = (datetime.now(UTC) - timedelta(seconds=1)).isoformat()
    path = folder / f"{lease}.json"
    path.write_text(json.dumps(json.loads(path.read_text()) | {"expiration": past}))
    (folder / "expirations.json").write_text(json.dumps({lease: past}))


def test_a_server_that_cannot_start_is_one_clear_error(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A server that ends while it starts is reported with its log and the next command, and does not hang."""
    folder = home / "rlm-context"
    (folder / "prefect" / "prefect.db").mkdir(parents=True)  # no database can be opened there
    with local_server(folder, linger=0) as server, pytest.raises(PipelineError, match="log is") as caught:
        wait_until_healthy(folder, server)
    assert caught.value.next_command == "rlm-context doctor"
    assert (folder / "logs" / "prefect-server.log").stat().st_size > 0


def test_files_of_the_server_are_the_users_alone(server_home: Path, api: Api) -> None:
    """Database, state, locks and log are readable by nobody else."""
    folder = server_home / "prefect"
    files = [
        *folder.glob("prefect.db*"),
        *folder.glob("*.lock"),
        folder / STATE,
        *(server_home / "logs").iterdir(),
    ]
    assert len(files) >= 6
    assert {stat.S_IMODE(path.stat().st_mode) for path in files} == {0o600}
    folders = (server_home, folder, server_home / "logs", folder / "ui")
    assert {stat.S_IMODE(path.stat().st_mode) for path in folders} == {0o700}


def test_the_api_asks_for_credentials_and_allows_no_other_origin(api: Api) -> None:
    """Other users of the machine and web pages in its browser cannot read what runs left in the server."""
    request = urllib.request.Request(
        f"{api.server.url}/admin/version", headers={"Origin": "https://example.com"}
    )
    with pytest.raises(urllib.error.HTTPError) as refused:
        urllib.request.urlopen(request, timeout=PATIENCE)
    with refused.value as response:
        assert response.status == 401
        assert response.headers.get("access-control-allow-origin") != "*"
    assert api.call("GET", "/admin/version")


def test_prefect_settings_of_the_working_folder_are_not_read(
    server_home: Path, tmp_path: Path, start: Start
) -> None:
    """A checkout's `prefect.toml` and `.env`, which could name a server or code, have no say."""
    (tmp_path / "prefect.toml").write_text(
        '[api]\nurl = "http://192.0.2.1/api"\n[logging]\nlevel = "DEBUG"\n'
    )
    (tmp_path / ".env").write_text("PREFECT_LOGGING_LEVEL=DEBUG\nPREFECT_PROFILES_PATH=evil.toml\n")
    out, errors = start(SETTINGS_IN_FORCE, server_home, cwd=tmp_path).communicate(timeout=PATIENT)
    assert out.split() == ["True", str(server_home / "prefect"), "INFO", str(tmp_path)], errors


def test_a_server_of_the_user_is_used_as_it_is(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """`PREFECT_API_URL`, else the active profile's, comes before a local server."""
    assert configured_api() == ""
    (home / ".prefect").mkdir()
    profiles = home / ".prefect" / "profiles.toml"
    profiles.write_text(
        'active = "team"\n[profiles.team]\nPREFECT_API_URL = "http://127.0.0.1:1/api"\n[profiles.x]\n'
    )
    assert configured_api() == "http://127.0.0.1:1/api"
    monkeypatch.setenv("PREFECT_PROFILE", "x")
    assert configured_api() == ""
    monkeypatch.setenv("PREFECT_API_URL", "http://127.0.0.1:2/api")
    assert configured_api() == "http://127.0.0.1:2/api"
    monkeypatch.delenv("PREFECT_API_URL")
    profiles.write_text("active = [")
    assert configured_api() == ""


def test_a_server_of_the_user_that_is_down_is_one_clear_error(
    home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """No local server is started behind the back of a user who named another one."""
    monkeypatch.setenv("PREFECT_API_URL", "http://127.0.0.1:1/api")
    folder = home / "rlm-context"
    with pytest.raises(PipelineError, match="does not answer") as caught, prefect_api(folder):
        pass
    assert "PREFECT_API_URL" in (caught.value.next_command or "")
    assert live_server(folder) is None


def test_a_server_whose_home_was_removed_ends(warm_home: Path) -> None:
    """Nobody could find it any more: not its lock, nor its address."""
    with local_server(warm_home, linger=60) as server:
        wait_until_healthy(warm_home, server)
        # At once, since a server that lives still makes files in its folder while that is emptied.
        shutil.rmtree(warm_home.rename(warm_home.with_name("removed")))

        def is_gone() -> bool | None:
            try:
                os.kill(server.pid, 0)
            except ProcessLookupError:
                return True
            return None

        until(is_gone)


def test_a_compile_can_insist_on_the_homes_own_server(
    warm_home: Path, uploaded: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A server of the user that stays away keeps nobody from compiling here."""
    monkeypatch.setenv("PREFECT_API_URL", "http://127.0.0.1:1/api")
    with prefect_api(warm_home, own=True) as url:
        server = live_server(warm_home)
        assert server is not None
        assert url == server.url
    os.kill(server.pid, signal.SIGTERM)
