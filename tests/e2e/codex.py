"""Codex as a process and in a terminal, and what its model was sent."""

import json
import os
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import pytest

from tests.rlm.servers.responses import RESPONSES, ResponsesServer
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
class Codex:
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

    def rlm(self, *arguments: str) -> "subprocess.CompletedProcess[str]":
        """Run our command line as its user does."""
        return self.start(sys.executable, "-m", "rlm_context", *arguments)

    def start(self, *command: str) -> "subprocess.CompletedProcess[str]":
        """Run a program where this agent works, to its end."""
        return subprocess.run(
            command,
            cwd=self.checkout,
            env=self.environment(),
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=_PATIENCE,
            check=False,
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


class CodexTerminal:
    """Codex in a terminal of its own (tmux), without the server that it else leaves running for other terminals.

    Leaving the block ends it, however it got there.
    """

    def __init__(self, codex: Codex, *arguments: str) -> None:
        if shutil.which("tmux") is None:
            pytest.skip("no tmux: apt-get install tmux")
        self._codex = codex
        # Not the test's own folder: a socket's path holds 100 characters.
        self._folder = Path(tempfile.mkdtemp(prefix="tmux-"))
        program = ["codex", "--no-daemon", *arguments]
        size = ["-x", "140", "-y", "50", "-c", str(codex.checkout)]
        self._tmux("-f", os.devnull, "new-session", "-d", *size, "--", "env", *program)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if kind and self.is_open():
            print(self.screen())
        self._tmux("kill-server", check=False)
        shutil.rmtree(self._folder)

    def screen(self) -> str:
        """What is seen now."""
        return self._tmux("capture-pane", "-p")

    def say(self, text: str, *, then: str) -> None:
        """Type a line, and wait until something is seen and the agent waits again."""
        self.type(text)
        self.until(lambda: then in self.screen() and "esc to interrupt" not in self.screen())

    def type(self, text: str) -> None:
        """Type a line, and enter it once it stands there."""
        self._tmux("send-keys", "-l", text)
        self.until(lambda: f"› {text}" in self.screen())
        self.press("Enter")

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

    def press(self, *keys: str) -> None:
        """Press keys, named as tmux names them."""
        self._tmux("send-keys", *keys)

    def close(self) -> None:
        """Leave by Ctrl-C, which asks for another one."""

        def has_left() -> bool:
            self._tmux("send-keys", "C-c", check=False)
            return not self.is_open()

        self.until(has_left)

    def is_open(self) -> bool:
        """Whether the program runs."""
        return bool(self._tmux("list-panes", check=False))

    def until(self, look: Callable[[], object]) -> None:
        """Wait until `look` gives something; what the screen shows instead is said."""
        deadline = time.monotonic() + _PATIENCE
        while not look():
            assert time.monotonic() < deadline, self.screen() if self.is_open() else "it has ended"
            time.sleep(0.1)

    def _tmux(self, *arguments: str, check: bool = True) -> str:
        done = subprocess.run(
            ["tmux", "-S", str(self._folder / "socket"), *arguments],
            env=self._codex.environment(),
            capture_output=True,
            text=True,
            timeout=_PATIENCE,
            check=False,
        )
        assert done.returncode == 0 or not check, (arguments, done.stderr)
        return done.stdout


def kill(process: "subprocess.Popen[bytes]") -> None:
    """End a process and all that it started without a last word (kill -9)."""
    os.killpg(process.pid, signal.SIGKILL)
    process.wait(_PATIENCE)
