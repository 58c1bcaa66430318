"""The tools and the skill that `install` puts beside the hooks, and what it leaves alone."""

import json
import shlex
import sys
from pathlib import Path
from typing import Any

import pytest

from rlm_context.agent_skill import skill_text
from tests.cli.helpers import rlm

SERVER = [str(Path(sys.executable).with_name("rlm-context")), "mcp"]
_AGENT = """#!{python}
import json, pathlib, sys
path = pathlib.Path({state!r})
state = json.loads(path.read_text()) if path.exists() else {{"mcpServers": {{}}}}
arguments = sys.argv[1:]
assert arguments[0] == "mcp" and arguments[2:4] == ["--scope", "user"] and arguments[4] == "rlm-context", arguments
if arguments[1] == "add":
    if "rlm-context" in state["mcpServers"]:
        sys.exit("MCP server rlm-context already exists in user config")
    command, *rest = arguments[6:]
    state["mcpServers"]["rlm-context"] = {{"type": "stdio", "command": command, "args": rest, "env": {{}}}}
else:
    del state["mcpServers"]["rlm-context"]
path.write_text(json.dumps(state))
"""
"""Stands for `claude mcp`, which tests/e2e runs for real."""


@pytest.fixture
def state(home: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Claude Code's own state; its program is on PATH."""
    path = home / ".claude.json"
    program = home / "bin" / "claude"
    program.parent.mkdir()
    program.write_text(_AGENT.format(python=sys.executable, state=str(path)))
    program.chmod(0o755)
    monkeypatch.setenv("PATH", f"{program.parent}:/usr/bin:/bin")
    return path


def document(*arguments: str) -> dict[str, Any]:
    result = rlm(*arguments, "--json")
    assert result.code == 0, result
    found: dict[str, Any] = result.document
    return found


def listed(state: Path) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(state.read_text())["mcpServers"]
    return found


def test_the_agent_s_own_command_lists_the_tools(state: Path) -> None:
    """Once; a second install runs nothing, and uninstall takes them out."""
    (done,) = document("install", "claude-code")["commands"]
    assert (done["done"], done["reason"]) == (True, "")
    assert listed(state)["rlm-context"]["args"] == ["mcp"]
    assert document("install", "claude-code")["commands"] == []
    (done,) = document("uninstall", "claude-code")["commands"]
    assert shlex.split(done["command"])[:3] == ["claude", "mcp", "remove"]
    assert listed(state) == {}
    assert document("uninstall", "claude-code")["commands"] == []


def test_tools_of_another_installation_are_replaced(state: Path) -> None:
    """Their command is this installation's from then on."""
    state.write_text(
        json.dumps({"mcpServers": {"rlm-context": {"command": "/old/rlm-context", "args": ["mcp"]}}})
    )
    assert [one["done"] for one in document("install", "claude-code")["commands"]] == [True, True]
    found = listed(state)["rlm-context"]
    assert [found["command"], *found["args"]][-1] == "mcp"
    assert "/old/" not in found["command"]


def test_another_server_of_that_name_stays(state: Path) -> None:
    """It is somebody else's: install says so, and neither command touches it."""
    theirs = {"mcpServers": {"rlm-context": {"type": "http", "url": "https://tools.example.com"}}}
    state.write_text(json.dumps(theirs))
    done = document("install", "claude-code")
    assert done["commands"] == []
    assert any("another server" in remark for remark in done["remarks"])
    assert document("uninstall", "claude-code")["commands"] == []
    assert json.loads(state.read_text()) == theirs


def test_an_agent_that_fails_or_is_not_there(state: Path, home: Path) -> None:
    """The hooks are installed; the command and the reason are said, to be run by hand."""
    (home / "bin" / "claude").write_text("#!/bin/sh\necho no such thing >&2\nexit 3\n")
    assert document("install", "claude-code")["commands"][0]["reason"] == "no such thing"
    (home / "bin" / "claude").unlink()
    (done,) = document("install", "claude-code")["commands"]
    assert (done["done"], done["reason"]) == (False, "claude is not on PATH")
    assert "To run: claude mcp add" in rlm("install", "claude-code").out


def test_the_state_cannot_be_read(state: Path) -> None:
    """It is the agent's: the hooks are installed and taken out, and what is wrong is said."""
    state.write_text("{broken")
    done = document("install", "claude-code")
    assert done["commands"] == []
    assert any(".claude.json cannot be read" in remark for remark in done["remarks"])
    done = document("uninstall", "claude-code")
    assert [Path(one["file"]).name for one in done["changes"]] == ["settings.json", "SKILL.md"]
    assert any(".claude.json cannot be read" in remark for remark in done["remarks"])


def skill(home: Path) -> Path:
    return home / ".claude" / "skills" / "upload-context" / "SKILL.md"


def test_the_skill_names_a_program_that_runs(state: Path, home: Path) -> None:
    """By its path where the shell would not find it, by its name where it does; again changes nothing."""
    document("install", "claude-code")
    assert (
        f"!`{SERVER[0]} upload`" in skill(home).read_text()
        or " -m rlm_context upload`" in skill(home).read_text()
    )
    found = home / "bin" / "rlm-context"
    found.write_text("#!/bin/sh\n")
    found.chmod(0o755)
    assert [Path(one["file"]).name for one in document("install", "claude-code")["changes"]] == ["SKILL.md"]
    assert skill(home).read_text() == skill_text("rlm-context")
    assert document("install", "claude-code")["changes"] == []
    document("uninstall", "claude-code")
    assert not skill(home).parent.exists()


def test_a_skill_of_somebody_else_stays(state: Path, home: Path) -> None:
    """One with the same name that we did not write: left alone by both, and said."""
    skill(home).parent.mkdir(parents=True)
    skill(home).write_text(
        "---\nname: upload-context\n---\n\nRun my own script. metadata:\n  source: rlm-context\n"
    )
    before = skill(home).read_text()
    done = document("install", "claude-code")
    assert any("another skill upload-context" in remark for remark in done["remarks"])
    document("uninstall", "claude-code")
    assert skill(home).read_text() == before


def test_what_stands_beside_the_skill_stays(state: Path, home: Path) -> None:
    """A file that somebody put into its folder keeps the folder."""
    document("install", "claude-code")
    (skill(home).parent / "notes.md").write_text("mine")
    document("uninstall", "claude-code")
    assert [path.name for path in skill(home).parent.iterdir()] == ["notes.md"]


def test_with_the_plugin_there_are_no_second_tools(state: Path, home: Path) -> None:
    """The plugin brings them; hooks and skill are installed, and that both are there is said."""
    plugins = home / ".claude" / "plugins"
    plugins.mkdir(parents=True)
    entry = {"scope": "user", "version": "0.1.0", "installPath": str(plugins / "x")}
    (plugins / "installed_plugins.json").write_text(
        json.dumps({"plugins": {"rlm-context@rlm-context": [entry]}})
    )
    done = document("install", "claude-code")
    assert done["commands"] == []
    assert any("plugin is installed too" in remark for remark in done["remarks"])


def test_others_servers_of_a_repository_stay(
    state: Path, home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """`.mcp.json` keeps what is in it, before and after; a server of our name that is not ours is left alone."""
    checkout = home / "tide"
    (checkout / ".git").mkdir(parents=True)
    monkeypatch.chdir(checkout)
    file = checkout / ".mcp.json"
    file.write_text('{"mcpServers": {"maps": {"command": "maps"}}}')
    before = file.read_text()
    document("install", "claude-code", "--scope", "project")
    assert sorted(json.loads(file.read_text())["mcpServers"]) == ["maps", "rlm-context"]
    document("uninstall", "claude-code", "--scope", "project")
    assert file.read_text() == before
    own = {"command": "rlm-context", "args": ["mcp"], "env": {"RLM_CONTEXT_AUTHOR": "us"}}
    file.write_text(json.dumps({"mcpServers": {"rlm-context": own}}))
    document("install", "claude-code", "--scope", "project")
    assert json.loads(file.read_text())["mcpServers"]["rlm-context"] == own
    file.write_text('{"mcpServers": {"rlm-context": {"command": "other"}}}')
    before = file.read_text()
    done = document("install", "claude-code", "--scope", "project")
    assert any("another server" in remark for remark in done["remarks"])
    document("uninstall", "claude-code", "--scope", "project")
    assert file.read_text() == before
