"""A PostgreSQL of one's own in a temporary folder, from Debian's package; reached over a socket in that folder."""

import os
import pwd
import shutil
import signal
import subprocess
import tempfile
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from tests.flows.helpers import poll

_DEBIANS = Path("/usr/lib/postgresql")


def programs() -> Path | None:
    """The folder of the newest PostgreSQL on this machine; None where there is none."""
    found = sorted(_DEBIANS.glob("*/bin/initdb"), key=lambda path: int(path.parts[-3]))
    return found[-1].parent if found else None


class Postgres:
    """A database `prefect` of the user `prefect`; started on entry, gone on exit.

    Args:
        password: the user's.

    Attributes:
        folder: holds all of it; its own user may write there.
    """

    def __init__(self, password: str) -> None:
        self._password = password
        self._process: subprocess.Popen[bytes] | None = None

    def __enter__(self) -> Self:
        self.folder = Path(tempfile.mkdtemp(prefix="rlm-context-pg-"))  # short: a socket's path has 107 bytes
        if os.getuid() == 0:
            shutil.chown(self.folder, _user(), _group())
        secret = self.folder / "password"
        secret.write_text(self._password)
        secret.chmod(0o644)  # in a folder of mode 0700
        data = ("--pgdata", self.folder / "data", "--username=prefect", "--no-sync")
        self.run(
            "initdb", *data, "--auth=scram-sha-256", f"--pwfile={secret}", "--encoding=UTF8", "--locale=C"
        )
        self.start()
        self.run("createdb", *self.address, "prefect")
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.crash()
        shutil.rmtree(self.folder)

    @property
    def url(self) -> str:
        """The URL for SQLAlchemy with asyncpg."""
        return f"postgresql+asyncpg://prefect:{self._password}@/prefect?host={self.folder}"

    @property
    def address(self) -> tuple[str, str]:
        """The options of PostgreSQL's programs that name this one."""
        return f"--host={self.folder}", "--username=prefect"

    def start(self) -> None:
        """Start it, and wait until it takes connections."""
        options = [
            "-c",
            "listen_addresses=",
            "-c",
            "fsync=off",
            "-c",
            f"unix_socket_directories={self.folder}",
        ]
        self._process = subprocess.Popen(
            [self._program("postgres"), "-D", str(self.folder / "data"), *options],
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            **self._as_user(),
        )
        poll(lambda: self._is_ready() or None)

    def crash(self) -> None:
        """End it without a goodbye to its clients; the next start recovers from its log."""
        if self._process:
            self._process.send_signal(signal.SIGQUIT)
            self._process.wait(30)
            self._process = None

    def run(self, program: str, *arguments: object) -> str:
        """Run one of PostgreSQL's programs as the database's user; what it prints."""
        command = [self._program(program), *map(str, arguments)]
        done = subprocess.run(command, capture_output=True, text=True, check=False, **self._as_user())
        assert done.returncode == 0, done.stderr
        return done.stdout

    def _is_ready(self) -> bool:
        command = [self._program("pg_isready"), self.address[0], "--quiet"]
        return subprocess.run(command, check=False).returncode == 0

    def _program(self, name: str) -> str:
        folder = programs()
        assert folder
        return str(folder / name)

    def _as_user(self) -> dict[str, Any]:
        """PostgreSQL refuses to run as root."""
        environment = {**os.environ, "PGPASSWORD": self._password}
        as_user: dict[str, Any] = {"cwd": self.folder, "env": environment}
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
