"""`rlm-context doctor`: each trouble is named, with the command that mends it, and none hides another."""

import json
import os
import shutil
import threading
import time
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from rlm_context.doctor import every, machine
from rlm_context.doctor import server as prefect_server
from tests.cli.helpers import rlm
from tests.hooks.helpers import event, hook, transcript
from tests.waiting import PATIENCE


class Found(NamedTuple):
    """Of one check: whether it is well, and what was said."""

    ok: bool | None
    detail: str
    next_command: str


def checks(name: str) -> list[Found]:
    """What doctor says of one thing."""
    document: dict[str, Any] = rlm("doctor", "--json").document
    found = (one for one in document["checks"] if one["name"] == name)
    return [Found(one["ok"], one["detail"], one["next_command"]) for one in found]


def bad(name: str) -> Found:
    """The one trouble with one thing; the exit code says that there is some."""
    assert rlm("doctor").code == 1
    (found,) = [one for one in checks(name) if one.ok is False]
    return found


@pytest.fixture(autouse=True)
def no_agents(monkeypatch: pytest.MonkeyPatch) -> None:
    """No agent's program is on PATH, nor this one."""
    monkeypatch.setenv("PATH", "/usr/bin:/bin")


@pytest.fixture
def installed(home: Path) -> Path:
    """Hooks in the user's settings of Claude Code; the settings."""
    assert rlm("install", "claude-code").code == 0
    return home / ".claude" / "settings.json"


def test_a_broken_setting_hides_nothing_else(installed: Path, home: Path) -> None:
    """Machine and hooks are looked at all the same."""
    (home / "rlm-context" / "config.toml").write_text("store = [")
    names = {one["name"]: one["ok"] for one in rlm("doctor", "--json").document["checks"]}
    assert names["settings and store"] is False
    assert names["home"] is True
    assert "hooks" in names
    assert "mend or remove" in bad("settings and store").next_command


@pytest.mark.parametrize("name", ["spool", "spool/raw", "hooks", "logs"])
def test_a_file_where_a_folder_should_be(name: str, home: Path) -> None:
    """It is named, with what puts it aside; sessions start and end all the same."""
    path = home / "rlm-context" / name
    path.parent.mkdir(parents=True, mode=0o700)
    (home / "rlm-context").chmod(0o700)
    path.write_text("")
    found = bad("home")
    assert str(path) in found.detail
    assert found.next_command == f"mv {path} {path}.old"
    for event_name in ("session-start", "stop", "session-end"):
        assert hook(event_name, event(1, home, home, source="startup")).returncode == 0


def test_a_home_that_cannot_be_made(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What stands in the way is named."""
    (home / "file").write_text("")
    monkeypatch.setenv("RLM_CONTEXT_HOME", str(home / "file" / "home"))
    assert f"{home}/file is no folder" in bad("home").detail


def test_a_home_that_others_can_read(home: Path) -> None:
    """One command closes it."""
    (home / "rlm-context").mkdir(mode=0o755)
    (home / "rlm-context").chmod(0o755)
    assert bad("home").next_command == f"chmod 700 {home}/rlm-context"


def test_a_home_that_is_read_only(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Root may write anywhere, so the system's answer is simulated."""
    (home / "rlm-context").mkdir(mode=0o700)
    monkeypatch.setattr(machine, "usable", lambda folder: False)
    assert "cannot be written" in bad("home").detail


def test_a_full_disk(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """With how much is free."""
    usage = shutil.disk_usage(home)
    monkeypatch.setattr(shutil, "disk_usage", lambda place: usage._replace(free=1_000_000))
    found = bad("disk")
    assert found.detail == "0.0 GB free"
    assert "df -h" in found.next_command


def test_a_store_that_never_answers(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """It is waited for so long and no longer."""
    ended = threading.Event()
    monkeypatch.setattr(every, "open_runtime", lambda make_store: ended.wait(60))
    monkeypatch.setattr(every, "_SECONDS", 0.05)
    monkeypatch.setenv("RLM_CONTEXT_STORE", "s3://team/context")
    try:
        assert "s3://team/context did not answer within" in bad("settings and store").detail
    finally:
        ended.set()


def test_a_store_that_cannot_be_made(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Something else stands where its folder should be: that is named, and what else there is to say."""
    (home / "disk").touch()
    monkeypatch.setenv("RLM_CONTEXT_STORE", str(home / "disk" / "store"))
    found = bad("settings and store")
    assert f"{home / 'disk'} is no folder" in found.detail
    assert str(home / "disk") in found.next_command
    assert checks("spool")[0].ok


@pytest.mark.parametrize("address", ["127.0.0.1:1", "127.0.0.1:x", "127.0.0.1:0"])
def test_a_prefect_server_that_is_away(address: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Its address without a password that stands in it, and the two ways out; also where that is none."""
    monkeypatch.setenv("PREFECT_API_URL", f"http://ann:hunter2@{address}/api")
    found = bad("Prefect")
    assert f"http://{address}/api does not answer" in found.detail
    assert "hunter2" not in found.detail
    assert "unset PREFECT_API_URL" in found.next_command


class _Health(BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        self.send_response(200 if self.path == "/api/health" else 401)
        self.end_headers()

    def log_message(self, format: str, *arguments: object) -> None:
        """Say nothing."""


@pytest.fixture
def server(monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    """A server that is well, and is given the time that it takes to answer here; its address."""
    monkeypatch.setattr(prefect_server, "_SECONDS", PATIENCE)
    with HTTPServer(("127.0.0.1", 0), _Health) as http:
        thread = threading.Thread(target=http.serve_forever)
        thread.start()
        yield f"http://127.0.0.1:{http.server_port}"
        http.shutdown()
        thread.join()


@pytest.mark.parametrize("user", ["//", "//ann:hunter2@"])
@pytest.mark.parametrize("path", ["/api", "/guarded"])
def test_a_prefect_server_that_answers(
    path: str, user: str, server: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Also one that wants to be asked in another way: what its key is worth, triggers find out."""
    monkeypatch.setenv("PREFECT_API_URL", f"{server}{path}".replace("//", user))
    assert checks("Prefect") == [Found(True, f"{server}{path} answers", "")]


def test_no_hooks_yet(home: Path) -> None:
    """Where an agent is used: a note, and the command that installs them."""
    assert checks("hooks") == []
    (home / ".claude").mkdir()
    assert checks("hooks") == [Found(None, "claude-code has none of ours", "rlm-context install claude-code")]


def test_when_each_hook_fired(installed: Path, home: Path) -> None:
    """The newest first; before any did, what to do to see it."""
    assert checks("hooks") == [Found(True, "claude-code (user): 4 hooks", "")]
    assert checks("hooks fired")[0].detail == "claude-code: none yet"
    hook("session-start", event(1, home, home, source="startup"))
    hook("session-end", event(1, home, home))
    stamps = home / "rlm-context" / "hooks" / "fired" / "claude-code"
    old = time.time() - 7300
    os.utime(stamps / "session-start", (old, old))
    assert checks("hooks fired") == [
        Found(True, "claude-code: session-end just now, session-start 2 hours ago", "")
    ]


def test_an_agent_whose_hooks_do_not_fire(installed: Path, home: Path) -> None:
    """A session was written long after any hook fired: said; and so is the setting that switches hooks off."""
    hook("session-start", event(1, home, home, source="startup"))
    stamp = home / "rlm-context" / "hooks" / "fired" / "claude-code" / "session-start"
    os.utime(stamp, (1_000_000, 1_000_000))
    transcript(home, 2, home)
    (found,) = checks("hooks fired")
    assert found.ok is None
    assert "a session was written (just now), and no hook was called" in found.detail
    settings = json.loads(installed.read_text())
    installed.write_text(json.dumps(settings | {"disableAllHooks": True}))
    (note,) = [one for one in checks("hooks") if one.ok is None]
    assert note.detail == f"claude-code runs no hooks: disableAllHooks is on in {installed}"


def test_hooks_of_another_version(installed: Path) -> None:
    """A note, and the command that brings them up to date."""
    settings = json.loads(installed.read_text())
    del settings["hooks"]["Stop"]
    installed.write_text(json.dumps(settings))
    (found,) = checks("hooks")
    assert found.ok is None
    assert found.next_command == "rlm-context install claude-code --scope user"


def test_hooks_of_an_environment_that_is_gone(installed: Path) -> None:
    """Also those that an earlier version wrote: each missing file is named."""
    gone = "/gone/bin/python -I -S '/gone too/rlm_context/hooks/__main__.py' session-start"
    entry = {"hooks": [{"type": "command", "command": gone}]}
    installed.write_text(json.dumps({"hooks": {"SessionStart": [entry]}}))
    found = bad("hooks")
    assert found.detail.endswith("gone: /gone too/rlm_context/hooks/__main__.py, /gone/bin/python")
    assert found.next_command == "rlm-context install claude-code --scope user"


def test_sessions_that_no_worker_takes_up(home: Path) -> None:
    """After some minutes: how many, and where to look."""
    hook("session-end", event(1, home, home) | {"transcript_path": str(transcript(home, 1, home))})
    assert checks("workers") == []
    (job,) = (home / "rlm-context" / "spool" / "raw").iterdir()
    os.utime(job, (1_000_000, 1_000_000))
    found = bad("workers")
    assert found.detail == "1 session that ended waits for a worker"
    assert "worker.log" in found.next_command


@pytest.mark.parametrize(
    ("version", "ok", "mend"),
    [
        ("0.1.0", True, ""),
        ("0.0.9", None, "claude plugin update rlm-context@rlm-context"),
        ("0.10.0", False, "install the newest rlm-context"),
    ],
)
def test_a_plugin_of_another_version(version: str, ok: bool | None, mend: str, home: Path) -> None:
    """Older is worth knowing; a program older than its plugin may lack hooks."""
    plugins = home / ".claude" / "plugins"
    plugins.mkdir(parents=True)
    entry = {"version": version, "installPath": "/x"}
    (plugins / "installed_plugins.json").write_text(
        json.dumps({"version": 2, "plugins": {"rlm-context@rlm-context": [entry]}})
    )
    (found,) = checks("plugin")
    assert (found.ok, found.next_command) == (ok, mend)
    (home / ".claude" / "settings.json").write_text(
        json.dumps({"enabledPlugins": {"rlm-context@rlm-context": False}})
    )
    assert checks("plugin") == []


def test_hooks_that_codex_does_not_trust(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """How many it was never told to trust, and what to do; nothing once all are."""
    folder = home / "cx"
    monkeypatch.setenv("CODEX_HOME", str(folder))
    assert rlm("install", "codex").code == 0
    installed = json.loads((folder / "hooks.json").read_text())["hooks"]
    (note,) = [one for one in checks("hooks") if "trust" in one.detail]
    count = sum(map(len, installed.values()))
    assert note.detail == f"codex was not told to trust {count} hooks, and does not run them"
    assert note.ok is None
    names = {"SessionStart": "session_start", "SessionEnd": "session_end", "Stop": "stop"}
    states = [
        f'[hooks.state."{folder}/hooks.json:{names[event_name]}:{number}:0"]\ntrusted_hash = "sha256:00"\n'
        for event_name, groups in installed.items()
        for number in range(len(groups))
    ]
    (folder / "config.toml").write_text("\n".join(states[1:]))
    assert any("1 hook, and does not run it" in one.detail for one in checks("hooks"))
    (folder / "config.toml").write_text("\n".join(states))
    assert not any("trust" in one.detail for one in checks("hooks"))
