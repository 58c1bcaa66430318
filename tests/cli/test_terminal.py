"""What a person sees on a terminal of 80 and of 120 columns."""

import fcntl
import os
import pty
import re
import struct
import subprocess
import sys
import termios
from pathlib import Path

import pytest

from rlm_context import output
from tests.cli.helpers import ROOT


def on_terminal(columns: int, *arguments: str) -> list[str]:
    """The lines that a command prints on a terminal this wide."""
    reading, writing = pty.openpty()
    fcntl.ioctl(writing, termios.TIOCSWINSZ, struct.pack("HHHH", 40, columns, 0, 0))
    environment = {name: value for name, value in os.environ.items() if name not in ("COLUMNS", "LINES")}
    process = subprocess.Popen(
        [sys.executable, "-m", "rlm_context", *arguments],
        stdin=subprocess.DEVNULL, stdout=writing, stderr=writing, cwd=ROOT, env=environment,
    )  # fmt: skip
    os.close(writing)
    printed = b""
    try:
        while block := os.read(reading, 1 << 16):
            printed += block
    except OSError:  # how Linux says that the other end is closed
        pass
    os.close(reading)
    assert process.wait(timeout=60) == 0
    return re.sub(r"\x1b\[[0-9;?]*[A-Za-z]", "", printed.decode()).replace("\r", "").splitlines()


@pytest.mark.parametrize("columns", [80, 120])
def test_sessions_fit_a_terminal(columns: int, compiled: Path) -> None:
    """One line a session, however long its title is."""
    lines = on_terminal(columns, "sessions")
    assert len(lines) == 13
    assert max(map(len, lines)) <= columns


def test_status_fits_a_terminal(compiled: Path) -> None:
    """Its table does not wrap at 80 columns."""
    lines = on_terminal(80, "status")
    assert max(len(line) for line in lines if not line.startswith(("Home", "Store"))) <= 80


def test_a_table_is_cut_only_in_its_last_column(monkeypatch: pytest.MonkeyPatch) -> None:
    """Wide letters count twice; without a terminal nothing is cut."""
    rows = [("1", "日本語" * 10), ("22", "plain")]
    assert output.table(rows, ("n", "title")).splitlines()[1] == "1   " + "日本語" * 10
    monkeypatch.setattr(output, "_room", lambda: 24)
    assert output.table(rows, ("n", "title")).splitlines() == [
        "n   title",
        "1   日本語日本語日本語…",
        "22  plain",
    ]
