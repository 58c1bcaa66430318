"""A PostgreSQL of one's own in a temporary folder, from the system's package (Debian: `postgresql`)."""

import os
import pwd
import shutil
import signal
import subprocess
import tempfile
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from tests.waiting import PATIENCE, until

MISSING = "no PostgreSQL: apt-get install postgresql"
_DEBIANS = Path("/usr/lib/postgresql")
_DATABASE = "postgres"
_SETTINGS = ("listen_addresses=", "fsync=off", "max_connections=200")
"""No TCP. A process that is killed loses nothing without fsync; a machine would."""


def programs() -> Path | None:
    """The folder of the newest PostgreSQL's programs on this machine; None where there is none."""
    found = sorted(_DEBIANS.glob("*/bin/initdb"), key=lambda path: int(path.parts[-3]))
    on_path = shutil.which("initdb")
    if found:
        return found[-1].parent
    return Path(on_path).resolve().parent if on_path else None


class Postgres:
    """An empty database; made on entry, and gone on exit with all that it held.

    Whoever may enter its folder may use it: nobody is asked for a password. It listens on a socket file there.

    Attributes:
        folder: holds all of it; its own user may write there.
    """

    def __init__(self) -> None:
        self._process: subprocess.Popen[bytes] | None = None

    def __enter__(self) -> Self:
        # Not pytest's folder, which PostgreSQL's user could not enter; and short: a socket's path has 107 bytes.
        self.folder = Path(tempfile.mkdtemp(prefix="rlm-pg-"))
        if os.getuid() == 0:
            shutil.chown(self.folder, _user(), _group())
        self.run("initdb", "--auth=trust", "--username=prefect", "--no-sync", f"--pgdata={self._data}")
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.crash()
        shutil.rmtree(
            self.folder, ignore_errors=True
        )  # parts of one that somebody killed may still be ending

    @property
    def url(self) -> str:
        """The URL for SQLAlchemy with asyncpg."""
        return f"postgresql+asyncpg://prefect@/{_DATABASE}?host={self.folder}"

    def begin(self) -> subprocess.Popen[bytes]:
        """Start it; it is there some moments later, or ends at once while parts of the one before still end."""
        settings = [part for setting in _SETTINGS for part in ("-c", setting)]
        self._process = subprocess.Popen(
            [self._program("postgres"), "-D", str(self._data), "-k", str(self.folder), *settings],
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            **self._as_user(),
        )
        return self._process

    def start(self) -> None:
        """Start it, and wait until it takes connections."""
        until(self._is_there, 3 * PATIENCE, step=0.2)

    def answers(self) -> bool:
        """Whether it takes connections."""
        command = [self._program("pg_isready"), f"--host={self.folder}", "--quiet"]
        return subprocess.run(command, check=False).returncode == 0

    def _is_there(self) -> bool:
        """Whether it takes connections; begun again where parts of the one before still ended."""
        if self._process is None or self._process.poll() is not None:
            self.begin()
        return self.answers()

    def crash(self) -> None:
        """End it without a goodbye to its clients; the next start recovers from its log."""
        if self._process:
            self._process.send_signal(signal.SIGQUIT)
            self._process.wait(PATIENCE)
            self._process = None

    def run(self, program: str, *arguments: str) -> str:
        """Run one of PostgreSQL's programs as the database's user; what it prints."""
        command = [self._program(program), *arguments]
        done = subprocess.run(command, capture_output=True, text=True, check=False, **self._as_user())
        assert done.returncode == 0, done.stderr
        return done.stdout

    @property
    def _data(self) -> Path:
        return self.folder / "data"

    def _program(self, name: str) -> str:
        folder = programs()
        assert folder, MISSING
        return str(folder / name)

    def _as_user(self) -> dict[str, Any]:
        """PostgreSQL refuses to run as root."""
        database = {"PGHOST": str(self.folder), "PGUSER": "prefect", "PGDATABASE": _DATABASE}
        as_user: dict[str, Any] = {"cwd": self.folder, "env": os.environ | database}
        if os.getuid() == 0:
            as_user |= {"user": _user(), "group": _group(), "extra_groups": []}
        return as_user


def _user() -> int:
    try:
        return pwd.getpwnam("postgres").pw_uid
    except KeyError:
        return pwd.getpwnam("nobody").pw_uid


def _group() -> int:
    return pwd.getpwuid(_user()).pw_gid
