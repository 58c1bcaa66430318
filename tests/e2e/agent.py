"""What every agent's program has, however it is started."""

import subprocess
import sys
from abc import ABC, abstractmethod
from pathlib import Path

_PATIENCE = 100.0


class Agent(ABC):
    """An agent as its user has it.

    Attributes:
        checkout: the folder that it works in.
    """

    checkout: Path

    @abstractmethod
    def environment(self) -> dict[str, str]:
        """All that it knows of its surroundings."""

    def rlm(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        """Run our command line as its user does."""
        return self.start(sys.executable, "-m", "rlm_context", *arguments)

    def start(self, *command: str) -> subprocess.CompletedProcess[str]:
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
