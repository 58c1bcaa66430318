"""The plugin's files name what is there; none of this needs Claude Code."""

import json
import os
import re
import subprocess
import time
import tomllib
from pathlib import Path

import pytest

from rlm_context.agent_hooks import CLAUDE_CODE, Entry
from rlm_context.agent_settings import with_hooks
from rlm_context.agent_skill import skill_text
from rlm_context.mcp_server.serve import TOOLS
from tests.e2e.claude import ROOT, TOOL

PLUGIN = ROOT / "plugin"
SKILLS = sorted((PLUGIN / "skills").glob("*/SKILL.md"))
RUN = PLUGIN / "scripts" / "run.sh"


def test_one_version() -> None:
    """Plugin, command and what the plugin asks of the command have the same version."""
    ours = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["version"]
    assert json.loads((PLUGIN / ".claude-plugin" / "plugin.json").read_text())["version"] == ours
    assert f"\nneeded={ours} " in RUN.read_text()


def test_the_plugin_has_the_hooks_that_install_writes() -> None:
    """The same events, limits and kinds of starts; each runs the hook of its name."""
    written = json.loads((PLUGIN / "hooks" / "hooks.json").read_text())
    command = 'sh "${CLAUDE_PLUGIN_ROOT}/scripts/run.sh" hook '
    wanted = with_hooks({}, [Entry(hook, f"{command}{hook.name}") for hook in CLAUDE_CODE])
    assert written["hooks"] == wanted["hooks"]


def test_one_skill_in_two_places() -> None:
    """`install` writes the text that the plugin brings."""
    assert skill_text("rlm-context") == (PLUGIN / "skills" / "upload-context" / "SKILL.md").read_text()


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


def command(home: Path, version: str = "0.1.0") -> str:
    """A PATH on which a command rlm-context of a version prints what it was given, and fails."""
    folder = home / "bin"
    folder.mkdir(exist_ok=True)
    script = folder / "rlm-context"
    script.write_text(
        f'#!/bin/sh\n[ "$1" = --version ] && echo "rlm-context, version {version}" && exit\n'
        'echo "ran $*"\necho "trouble" >&2\nexit 2\n'
    )
    script.chmod(0o755)
    return os.pathsep.join([str(folder), "/usr/bin", "/bin"])


def test_a_missing_command_is_said_once(home: Path) -> None:
    """One line, JSON for the user's eyes, at the first start only; no hook fails, and the server says why it cannot."""
    first, second = (run(home, "/usr/bin:/bin", "hook", "session-start") for _ in range(2))
    assert "uv tool install" in json.loads(first.stdout)["systemMessage"]
    assert (first.returncode, second.returncode, second.stdout) == (0, 0, "")
    assert run(home, "/usr/bin:/bin", "hook", "session-end").stdout == ""
    server = run(home, "/usr/bin:/bin", "mcp")
    assert server.returncode == 1
    assert len(server.stderr.splitlines()) == 1


@pytest.mark.parametrize("version", ["0.0.9", "0.0.10", "", "0"])
def test_an_old_command_is_said_once(version: str, home: Path) -> None:
    """The same; from then on hooks run as far as it knows them, and never fail."""
    path = command(home, version)
    first, second = (run(home, path, "hook", "session-start") for _ in range(2))
    assert "older than this plugin" in json.loads(first.stdout)["systemMessage"]
    assert (first.returncode, second.returncode, second.stdout) == (0, 0, "ran hook session-start\n")
    end = run(home, path, "hook", "session-end")
    assert (end.returncode, end.stdout, end.stderr) == (0, "ran hook session-end\n", "")


@pytest.mark.parametrize("version", ["0.1.0", "0.1.1", "0.2.0", "1.0", "10.0.0"])
def test_a_command_that_will_do_is_asked_once(version: str, home: Path) -> None:
    """Its version is looked at once, and again when the command is newer."""
    path = command(home, version)
    assert run(home, path, "hook", "session-start").stdout == "ran hook session-start\n"
    script = home / "bin" / "rlm-context"
    script.write_text("#!/bin/sh\necho again\n")
    os.utime(script, (1, 1))
    assert run(home, path, "hook", "session-start").stdout == "again\n"
    later = time.time() + 3600
    os.utime(script, (later, later))
    assert "older than this plugin" in run(home, path, "hook", "session-start").stdout


def test_hooks_of_the_settings_win(home: Path) -> None:
    """Where `rlm-context install` wrote hooks, the plugin's do nothing: no brief comes twice."""
    path = command(home)
    assert run(home, path, "hook", "session-start").stdout == "ran hook session-start\n"
    (home / ".claude").mkdir()
    (home / ".claude" / "settings.json").write_text(
        '{"hooks": "x/rlm_context/hooks/__main__.py session-start"}'
    )
    assert run(home, path, "hook", "session-start").stdout == ""
    assert run(home, path, "mcp").stdout == "ran mcp\n"
