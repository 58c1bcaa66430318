"""The emulator, and the real `modal` command against it."""

import subprocess
import sys
from collections.abc import Callable

import pytest

from tests.modal_emulator.fixtures import modal_emulator
from tests.modal_emulator.server import Emulator

__all__ = ["modal_emulator"]

Command = Callable[..., "subprocess.CompletedProcess[str]"]


@pytest.fixture
def modal_command(modal_emulator: Emulator) -> Command:
    """Run `modal ARGUMENTS…` as a user does; the result has both outputs as text."""

    def run(*arguments: str, **options: object) -> "subprocess.CompletedProcess[str]":
        return subprocess.run(
            [sys.executable, "-m", "modal", *arguments],
            capture_output=True,
            text=True,
            check=False,
            timeout=100,
            **options,
        )

    return run
