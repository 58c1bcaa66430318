"""An agent in a terminal, driven by its keys and read from its screen, as a person uses it (tmux)."""

import os
import shutil
import signal
import subprocess
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from types import TracebackType
from typing import ClassVar, Self

import pytest

from tests.e2e.agent import Agent
from tests.waiting import until

_PATIENCE = 90.0
_BUSY = "esc to interrupt"


class Terminal:
    """One run of a program in a terminal of its own, which is closed at the end of the block if it runs still.

    Args:
        agent: whose surroundings it has.
        program: with its arguments.

    Attributes:
        prompt: what stands before the line that is being typed.
    """

    prompt: ClassVar[str]

    def __init__(self, agent: Agent, *program: str) -> None:
        if shutil.which("tmux") is None:
            pytest.skip("no tmux: apt-get install tmux")
        self._agent = agent
        # Not the test's own folder: a socket's path holds 100 characters.
        self._folder = Path(tempfile.mkdtemp(prefix="tmux-"))
        command = ["env", "TERM=xterm-256color", *program]  # one word alone would be run by a shell
        size = ["-x", "140", "-y", "50", "-c", str(agent.checkout)]
        self._tmux("-f", os.devnull, "new-session", "-d", *size, "--", *command)
        self._pid = int(self._tmux("list-panes", "-F", "#{pane_pid}"))

    def __enter__(self) -> Self:
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
        self.until(lambda: f"{self.prompt} {text}" in self.screen().replace("\xa0", " "))
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

    def until(self, look: Callable[[], object]) -> None:
        """Wait until `look` gives something; what the screen shows instead is said."""
        deadline = time.monotonic() + _PATIENCE
        while not look():
            assert time.monotonic() < deadline, self.screen() if self.is_open() else "it has ended"
            time.sleep(0.1)

    def _runs(self) -> bool:
        """Whether its process does something still; nobody may have asked for the code of one that ended."""
        done = subprocess.run(
            ["ps", "-o", "stat=", "-p", str(self._pid)], capture_output=True, text=True, check=False
        )
        return bool(done.stdout.strip()) and not done.stdout.startswith("Z")

    def _tmux(self, *arguments: str, check: bool = True) -> str:
        done = subprocess.run(
            ["tmux", "-S", str(self._folder / "socket"), *arguments],
            env=self._agent.environment() | {"LANG": "C.UTF-8"},
            capture_output=True,
            text=True,
            timeout=_PATIENCE,
            check=False,
        )
        assert done.returncode == 0 or not check, (arguments, done.stderr)
        return done.stdout
