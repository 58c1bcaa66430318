"""Codex as a process and in a terminal, and what its model was sent."""

import json
import os
import re
import signal
import subprocess
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from data_models.processes import runs
from tests.e2e.agent import Agent
from tests.e2e.terminal import Terminal
from tests.rlm.servers.responses import RESPONSES, ResponsesServer
from tests.waiting import until
from transcripts.sources import find_sessions

_PATIENCE = 90.0
_PROMPT = "Ask Codex to do anything"
_TROUBLE = re.compile(r"^hook: .*Failed|^warning: .*hook", re.MULTILINE)
"""What Codex says of hooks that fail, or that ask for more than they get."""
_CONFIG = """model = "scripted"
model_provider = "loopback"
[model_providers.loopback]
name = "loopback"
base_url = "{url}/v1"
wire_api = "responses"
env_key = "LOOPBACK_KEY"
[projects."{checkout}"]
trust_level = "trusted"
"""


@dataclass
class Codex(Agent):
    """Attributes: the program, its home, the folder it works in, its model, and rlm-context's settings.

    The settings stand in a file: Codex starts the tools' server without its user's variables.
    """

    program: str
    home: Path
    checkout: Path
    models: ResponsesServer
    settings: Mapping[str, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        """Make its folder (the model, the trusted checkout), our settings, and the program by the name it goes by."""
        self.folder.mkdir(parents=True)
        (self.folder / "config.toml").write_text(
            _CONFIG.format(url=self.models.url, checkout=self.checkout.resolve())
        )
        self.ours.mkdir(0o700)
        lines = (f"{name} = {json.dumps(value)}" for name, value in self.settings.items())
        (self.ours / "config.toml").write_text("\n".join(lines))
        (self.home / "bin").mkdir()
        (self.home / "bin" / "codex").symlink_to(Path(self.program).resolve())

    @property
    def folder(self) -> Path:
        """Where it keeps all that it has."""
        return self.home / ".codex"

    @property
    def ours(self) -> Path:
        """Its user's home of rlm-context."""
        return self.home / ".rlm-context"

    def run(self, *arguments: str) -> str:
        """`codex exec` to its end, with nothing wrong with a hook; what it printed."""
        done = self.start("codex", "exec", "--skip-git-repo-check", *arguments)
        assert done.returncode == 0, (arguments, done.stdout, done.stderr)
        assert not _TROUBLE.search(done.stderr), done.stderr
        return done.stdout

    def running(self, *arguments: str) -> "subprocess.Popen[bytes]":
        """`codex exec` in a process group of its own."""
        return subprocess.Popen(
            ["codex", "exec", "--skip-git-repo-check", *arguments],
            cwd=self.checkout,
            env=self.environment(),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            start_new_session=True,
        )

    def install(self) -> None:
        """Our hooks and tools, and Codex told to trust the hooks, as a user does both."""
        done = self.rlm("install", "codex", "--no-sync")
        assert done.returncode == 0, (done.stdout, done.stderr)
        with CodexTerminal(self) as terminal:
            terminal.until(lambda: "Hooks need review" in terminal.screen())
            terminal.choose("2. Trust all and continue")
            terminal.until(lambda: _PROMPT in terminal.screen())
            terminal.close()

    def sent(self) -> list[dict[str, Any]]:
        """The requests that its model got."""
        return [received.body for received in self.models.requests(RESPONSES)]

    def transcripts(self) -> list[Path]:
        """Those of its sessions, the one that began last at the end."""
        sessions = find_sessions(self.folder / "sessions").sessions
        return sorted((files.main for files in sessions), key=lambda path: path.name)

    def environment(self) -> dict[str, str]:
        """All that it knows of its surroundings."""
        return {
            "PATH": os.pathsep.join([str(self.home / "bin"), "/usr/local/bin", "/usr/bin", "/bin"]),
            "HOME": str(self.home),
            "CODEX_HOME": str(self.folder),
            "LOOPBACK_KEY": "sk-test-0123456789",
            "TERM": "xterm-256color",
            "LANG": "C.UTF-8",
        }


def session_of(transcript: Path) -> str:
    """The id of a transcript's session."""
    return transcript.stem[-36:]


class CodexTerminal(Terminal):
    """One run of Codex in a terminal, without the server that it else leaves running for other terminals."""

    prompt = "›"

    def __init__(self, codex: Codex, *arguments: str) -> None:
        super().__init__(codex, "codex", "--no-daemon", *arguments)

    def clear(self, seen: str) -> None:
        """Begin a new session, until what was seen is gone. Codex refuses while it still winds up the last answer."""
        self.type("/clear")

        def is_clear() -> bool:
            screen = self.screen()
            if "is disabled while" in screen.rpartition("› /clear")[2]:
                self.type("/clear")
            return seen not in screen

        self.until(is_clear)

    def choose(self, choice: str) -> None:
        """Choose from a list of which the first is marked. Keys are lost on a screen that has just come up."""

        def is_marked() -> bool:
            if f"› {choice}" not in self.screen():
                self.press("Up" if "› 1." not in self.screen() else "Down")
            return f"› {choice}" in self.screen()

        self.until(is_marked)
        self.press("Enter")

    def close(self) -> None:
        """Leave by Ctrl-C, which asks for another one."""

        def has_left() -> bool:
            self._tmux("send-keys", "C-c", check=False)
            return not self.is_open()

        self.until(has_left)


def kill(process: "subprocess.Popen[bytes]") -> None:
    """End a process and all that it started without a last word (kill -9), and wait until all of them are gone."""
    group = process.pid
    members = [pid for path in Path("/proc").glob("[0-9]*") if _group(pid := int(path.name)) == group]
    os.killpg(group, signal.SIGKILL)
    process.wait(_PATIENCE)
    until(lambda: not any(map(runs, members)))


def _group(pid: int) -> int:
    try:
        return os.getpgid(pid)
    except ProcessLookupError:
        return 0
