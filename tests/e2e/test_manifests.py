"""The plugin's files name what is there; none of this needs Claude Code."""

import json
import os
import re
import subprocess
import tomllib
from pathlib import Path

import pytest

from rlm_context.hooks.run import EVENTS
from rlm_context.mcp_server.serve import TOOLS
from tests.e2e.claude import ROOT, TOOL

PLUGIN = ROOT / "plugin"
SKILLS = sorted((PLUGIN / "skills").glob("*/SKILL.md"))
RUN = PLUGIN / "scripts" / "run.sh"


def test_one_version() -> None:
    """Plugin and command have the same version."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    assert (
        json.loads((PLUGIN / ".claude-plugin" / "plugin.json").read_text())["version"] == project["version"]
    )


def test_hooks_are_known_to_the_command() -> None:
    """Every hook runs an event that the command answers."""
    named = re.findall(r"hook ([a-z-]+)", (PLUGIN / "hooks" / "hooks.json").read_text())
    assert set(named) <= set(EVENTS)
    assert {"session-start", "session-end"} <= set(named)


@pytest.mark.parametrize("skill", SKILLS, ids=lambda path: path.parent.name)
def test_skills_use_tools_that_exist(skill: Path) -> None:
    """A skill is named like its folder, and every MCP tool that it allows is one of ours."""
    text = skill.read_text()
    assert f"\nname: {skill.parent.name}\n" in text
    assert set(re.findall(rf"{TOOL}(\w+)", text)) <= set(TOOLS)


def run(home: Path, path: str, *arguments: str) -> subprocess.CompletedProcess[str]:
    """The plugin's script."""
    environment = {"HOME": str(home), "PATH": path, "CLAUDE_PLUGIN_DATA": str(home / "data")}
    return subprocess.run(
        ["/bin/sh", str(RUN), *arguments],
        env=environment,
        cwd=home,
        input="{}",
        capture_output=True,
        text=True,
    )


def command(home: Path, code: int) -> str:
    """A PATH on which a command rlm-context prints what it was given, and ends with this code."""
    folder = home / "bin"
    folder.mkdir(exist_ok=True)
    script = folder / "rlm-context"
    script.write_text(f'#!/bin/sh\necho "ran $*"\nexit {code}\n')
    script.chmod(0o755)
    return os.pathsep.join([str(folder), "/usr/bin", "/bin"])


def test_a_missing_or_old_command_is_said_once(home: Path) -> None:
    """One line, JSON for the user's eyes, at the first start only; no hook fails, and the server says why it cannot."""
    first, second = (run(home, "/usr/bin:/bin", "hook", "session-start") for _ in range(2))
    assert "uv tool install" in json.loads(first.stdout)["systemMessage"]
    assert (first.returncode, second.returncode, second.stdout) == (0, 0, "")
    assert run(home, "/usr/bin:/bin", "hook", "session-end").stdout == ""
    server = run(home, "/usr/bin:/bin", "mcp")
    assert server.returncode == 1
    assert len(server.stderr.splitlines()) == 1
    (home / "data" / "told").unlink()
    old = run(home, command(home, 2), "hook", "session-start")
    assert "too old" in old.stdout.splitlines()[-1]
    assert old.returncode == 0


def test_hooks_of_the_settings_win(home: Path) -> None:
    """Where `rlm-context install` wrote hooks, the plugin's do nothing: no brief comes twice."""
    path = command(home, 0)
    assert run(home, path, "hook", "session-start").stdout == "ran hook session-start\n"
    (home / ".claude").mkdir()
    (home / ".claude" / "settings.json").write_text(
        '{"hooks": "x/rlm_context/hooks/__main__.py session-start"}'
    )
    assert run(home, path, "hook", "session-start").stdout == ""
    assert run(home, path, "mcp").stdout == "ran mcp\n"
