"""Claude Code in a terminal, driven by its keys and read from its screen, as a person uses it (tmux)."""

import json
import os
import shutil
import signal
import subprocess
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from types import TracebackType
from typing import Self

import pytest

from tests.e2e.claude import KEY, Claude
from tests.hooks.helpers import until

_PATIENCE = 60.0
_BUSY = "esc to interrupt"
_PROMPT = "❯"


class Terminal:
    """One run of the program in a terminal of its own, which is closed at the end of the block if it runs still.

    Args:
        claude: the program and its surroundings.
        arguments: what it is started with.
        rows: the terminal's height.
    """

    def __init__(self, claude: Claude, *arguments: str, rows: int = 50) -> None:
        if shutil.which("tmux") is None:
            pytest.skip("no tmux: apt-get install tmux")
        known_user(claude)
        self._claude = claude
        # Not the test's own folder: a socket's path holds 100 characters.
        self._folder = Path(tempfile.mkdtemp(prefix="tmux-"))
        program = [
            "env",
            "TERM=xterm-256color",
            claude.program,
            *arguments,
        ]  # by its name alone, a shell would run it
        size = ["-x", "110", "-y", str(rows), "-c", str(claude.checkout)]
        self._tmux("-f", os.devnull, "new-session", "-d", *size, "--", *program)
        self._pid = int(self._tmux("list-panes", "-F", "#{pane_pid}"))

    def __enter__(self) -> Self:
        self.until(lambda: _PROMPT in self.screen())
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if kind and self.is_open():
            print(self.screen())
        self._tmux("kill-server", check=False)
        until(lambda: not self._runs())
        shutil.rmtree(self._folder)

    def screen(self) -> str:
        """What is seen now."""
        return self._tmux("capture-pane", "-p")

    def say(self, text: str, *, then: str) -> None:
        """Type a line, and wait until it led to something that is seen, and the agent waits again."""
        self.type(text)
        self.until(lambda: then in self.screen() and _BUSY not in self.screen())

    def type(self, text: str) -> None:
        """Type a line, and enter it once it stands there."""
        self._tmux("send-keys", "-l", text)
        self.until(lambda: f"{_PROMPT} {text}" in self.screen().replace("\xa0", " "))
        self.press("Enter")

    def press(self, *keys: str) -> None:
        """Press keys, named as tmux names them."""
        self._tmux("send-keys", *keys)

    def kill(self) -> None:
        """End it without a last word (kill -9)."""
        os.kill(self._pid, signal.SIGKILL)
        self.until_closed()

    def until_closed(self) -> None:
        """Wait until the program has ended."""
        self.until(lambda: not self.is_open())

    def is_open(self) -> bool:
        """Whether the program runs."""
        return bool(self._tmux("list-panes", check=False))

    def _runs(self) -> bool:
        """Whether its process does something still; nobody may have asked for the code of one that ended."""
        done = subprocess.run(
            ["ps", "-o", "stat=", "-p", str(self._pid)], capture_output=True, text=True, check=False
        )
        return bool(done.stdout.strip()) and not done.stdout.startswith("Z")

    def until(self, look: Callable[[], object]) -> None:
        """Wait until `look` gives something; what the screen shows instead is said."""
        deadline = time.monotonic() + _PATIENCE
        while not look():
            assert time.monotonic() < deadline, self.screen() if self.is_open() else "it has ended"
            time.sleep(0.1)

    def _tmux(self, *arguments: str, check: bool = True) -> str:
        done = subprocess.run(
            ["tmux", "-S", str(self._folder / "socket"), *arguments],
            env=self._claude.environment() | {"LANG": "C.UTF-8"},
            capture_output=True,
            text=True,
            timeout=_PATIENCE,
            check=False,
        )
        assert done.returncode == 0 or not check, (arguments, done.stderr)
        return done.stdout


def known_user(claude: Claude) -> None:
    """Answer what a first interactive start asks: theme, key, whether the folder is trusted."""
    path = claude.home / ".claude" / ".claude.json"
    path.parent.mkdir(exist_ok=True)
    settings = json.loads(path.read_text()) if path.exists() else {}
    settings |= {
        "hasCompletedOnboarding": True,
        "theme": "dark",
        "customApiKeyResponses": {"approved": [KEY[-20:]]},
    }
    settings.setdefault("projects", {}).setdefault(str(claude.checkout), {})["hasTrustDialogAccepted"] = True
    path.write_text(json.dumps(settings))
