"""`rlm-context install` in the real Claude Code, and `uninstall` after it."""

import json
import os
import re
import sys
from pathlib import Path
from typing import Any

import pytest

from tests.cli.helpers import tree
from tests.e2e.claude import Claude, calls, results, told
from tests.rlm.servers.models import Call, Reply
from tests.waiting import until

pytestmark = pytest.mark.timeout(300)  # several runs of an agent, on a machine that does other things too

CITATION = re.compile(r"\[s:\w{8}#[\w/-]+\]")
TOOL = "mcp__rlm-context__search_context"
THEIRS = """\
{ "env": {"SOME": "thing"},
   "hooks": {"SessionStart": [{"hooks": [{"type": "command", "command": "true"}]}]}}"""
FENCE = "<rlm-context project="
HOOKS = {"session-start", "refresh", "stop", "session-end"}


@pytest.fixture
def settings(claude: Claude) -> Path:
    """The user's settings, written by hand; the command claude is on PATH."""
    claude.ours.chmod(0o700)
    folder = claude.home / "bin"
    folder.mkdir()
    (folder / "claude").symlink_to(claude.program)
    (folder / "rlm-context").symlink_to(Path(sys.executable).with_name("rlm-context"))
    claude.settings = {"PATH": f"{folder}:/usr/bin:/bin"}
    path = claude.home / ".claude" / "settings.json"
    path.parent.mkdir()
    path.write_text(THEIRS)
    return path


def own_requests(claude: Claude) -> list[dict[str, Any]]:
    """The agent's own requests, and none for a title or the like."""
    return [body for body in claude.sent() if body.get("tools")]


def all_fired(claude: Claude) -> bool:
    """Whether each hook fired by now, as `doctor` tells; those that the agent waits for have, after the first session.

    For `refresh` and `stop` it does not wait: `claude -p` ends with its answer, and may take one with it that has not
    begun.
    """
    checks = json.loads(claude.rlm("doctor", "--json").stdout)["checks"]
    (told,) = [check["detail"] for check in checks if check["name"] == "hooks fired"]
    fired = {hook.split(" ")[0] for hook in told.removeprefix("claude-code: ").split(", ")}
    assert {"session-start", "session-end"} <= fired <= HOOKS
    return fired == HOOKS


def servers(claude: Claude) -> dict[str, Any]:
    """The MCP servers that Claude Code lists for its user."""
    found: dict[str, Any] = json.loads((claude.home / ".claude" / ".claude.json").read_text())["mcpServers"]
    return found


def test_in_and_out(claude: Claude, settings: Path) -> None:
    """Installed: the first request holds the brief, the model's call of a tool returns cited passages, /upload-context
    uploads, every hook fired and `doctor` says so. Uninstalled: settings as they were to the byte, and none of it."""
    claude.install_hooks()
    assert list(servers(claude)) == ["rlm-context"]

    def reply(call: Call) -> Reply:
        if call.received.body.get("tools") and not results(call.received.body):
            return calls(TOOL, {"query": "alerts after a restart"})
        return "They are kept in the database."

    claude.models.reply = reply
    claude.run("-p", "Where are alerts kept?", "--allowedTools", TOOL)
    first, *_, last = own_requests(claude)
    assert told(first).count(FENCE) == 1
    assert CITATION.search(results(last)[0])
    claude.run("-p", "--continue", "/upload-context")
    assert "Uploaded 1 session" in json.dumps(claude.sent()[-1])
    until(lambda: all_fired(claude) or not claude.run("-p", "--continue", "Go on."), 150)

    assert claude.rlm("uninstall", "claude-code").returncode == 0
    assert settings.read_text() == THEIRS
    assert servers(claude) == {}
    assert not any((claude.home / ".claude" / "skills").iterdir())
    claude.models.reply = lambda call: "hello"
    claude.run("-p", "hello")
    assert FENCE not in told(own_requests(claude)[-1])


@pytest.mark.parametrize("second", ["plugin", "project"])
def test_twice_is_once(second: str, claude: Claude, settings: Path) -> None:
    """Installed for the user and with the plugin, or for the repository too: the brief comes once, and both `install`
    and `doctor` say that one would do."""
    claude.models.reply = lambda call: "hello"
    if second == "plugin":
        claude.install_plugin()
    else:
        assert claude.rlm("install", "claude-code", "--scope", "project").returncode == 0
    done = claude.rlm("install", "claude-code")
    assert ("The plugin is installed too" if second == "plugin" else "--scope project") in done.stdout
    claude.run("-p", "hello")
    assert told(own_requests(claude)[0]).count(FENCE) == 1
    assert f"claude-code has them twice: {'user, plugin' if second == 'plugin' else 'user, project'}" in (
        claude.rlm("doctor").stdout
    )


def test_the_environment_moved(claude: Claude, settings: Path) -> None:
    """Its interpreter is gone and the command is on no PATH: sessions start and end as if there were no hooks, the
    first one says what to do, and `doctor` names what is gone."""
    claude.install_hooks()
    settings.write_text(settings.read_text().replace("p=", "p=/gone"))
    (claude.home / "bin" / "rlm-context").unlink()
    claude.models.reply = lambda call: "hello"
    first, second = (
        claude.run("-p", "hello", "--output-format", "stream-json", "--verbose") for _ in range(2)
    )
    assert "rlm-context install claude-code" in first
    assert "rlm-context install claude-code" not in second
    assert all(FENCE not in told(body) for body in own_requests(claude))
    doctor = claude.rlm("doctor")
    assert doctor.returncode == 1
    assert "gone: /gone" in doctor.stdout


def test_a_dry_run_leaves_no_trace(claude: Claude, settings: Path) -> None:
    """Neither in Claude Code's folder nor in ours."""
    before = {name: value for name, value in tree(claude.home).items() if "__pycache__" not in name}
    assert "claude mcp add" in claude.rlm("install", "claude-code", "--dry-run").stdout
    assert {name: value for name, value in tree(claude.home).items() if "__pycache__" not in name} == before
    assert os.environ["HOME"] == str(claude.home)
