"""Running commands: in this process, or as a user's shell does; and comparing folders."""

import contextlib
import hashlib
import io
import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any, NamedTuple

from rlm_context.main import run

ROOT = Path(__file__).parents[2]
EXAMPLES = ROOT / "examples" / "sessions"
MIRA = EXAMPLES / "mira"


class Result(NamedTuple):
    """What a command left behind."""

    code: int
    out: str
    err: str

    @property
    def document(self) -> Any:
        """The one JSON document on stdout."""
        return json.loads(self.out)

    @property
    def last_line(self) -> str:
        """The last line on stderr."""
        return self.err.rstrip("\n").rpartition("\n")[2]


def rlm(*arguments: str | Path) -> Result:
    """Run a command in this process."""
    out, err = io.TextIOWrapper(io.BytesIO(), encoding="utf-8", errors="backslashreplace"), io.StringIO()
    with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
        code = run([str(argument) for argument in arguments])
    out.flush()
    raw = out.buffer
    assert isinstance(raw, io.BytesIO)
    return Result(code, raw.getvalue().decode(), err.getvalue())


def start(*arguments: str | Path, **settings: object) -> subprocess.Popen[str]:
    """Start a command as a process of its own."""
    return subprocess.Popen(
        [sys.executable, "-m", "rlm_context", *map(str, arguments)],
        env=os.environ | {name: str(value) for name, value in settings.items()},
        cwd=ROOT,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def finish(process: subprocess.Popen[str]) -> Result:
    """Wait for a process."""
    out, err = process.communicate(timeout=90)
    return Result(process.returncode, out, err)


def shell(*arguments: str | Path, **settings: object) -> Result:
    """Run a command as a process of its own."""
    return finish(start(*arguments, **settings))


def tree(folder: Path) -> dict[str, str]:
    """Every file and folder below, with the hash of its bytes."""
    return {
        str(path.relative_to(folder)): hashlib.sha256(path.read_bytes()).hexdigest() if path.is_file() else ""
        for path in sorted(folder.rglob("*"))
    }


def assert_one_line(result: Result, *parts: str) -> None:
    """It failed with one clear line, which holds these parts and says what to run next."""
    assert result.code == 1
    assert result.out == ""
    told = [line for line in result.err.splitlines() if not line.startswith("compile: ")]
    assert len(told) == 1, result.err
    assert told[0].startswith("rlm-context: ")
    assert " Next: " in told[0]
    for part in parts:
        assert part in told[0]
