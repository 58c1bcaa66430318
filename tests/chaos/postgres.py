"""PostgreSQL in a folder of its own, from the system's package (Debian: `postgresql`)."""

import contextlib
import os
import pwd
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from pathlib import Path

_USER = "nobody"
"""Whose process it is where we are root: PostgreSQL refuses to be root's."""
_DATABASE = "postgres"
_SETTINGS = ("listen_addresses=", "fsync=off", "max_connections=200")
"""No TCP. A process that is killed loses nothing without fsync; a machine would."""


def programs() -> Path | None:
    """The folder of PostgreSQL's programs, or None where it is not installed."""
    found = sorted(Path("/usr/lib/postgresql").glob("*/bin/postgres"))
    on_path = shutil.which("postgres")
    if found:
        return found[-1].parent
    return Path(on_path).resolve().parent if on_path else None


class Postgres:
    """A cluster that listens on a socket file in its folder.

    Args:
        folder: an empty folder that its user can reach.
    """

    def __init__(self, folder: Path) -> None:
        found = programs()
        assert found is not None, "PostgreSQL is not installed"
        self._programs, self._data, self._sockets = found, folder / "data", folder
        if os.geteuid() == 0:
            shutil.chown(folder, _USER)
        self._run("initdb", "--auth=trust", "--username=prefect", "--no-sync", "-D", str(self._data))

    @property
    def url(self) -> str:
        """The URL for SQLAlchemy with asyncpg."""
        return f"postgresql+asyncpg://prefect@/{_DATABASE}?host={self._sockets}"

    def start(self) -> subprocess.Popen[bytes]:
        """Start the server; it is there some moments later, or ends at once while an earlier one's parts still end."""
        settings = [part for setting in _SETTINGS for part in ("-c", setting)]
        command = [str(self._programs / "postgres"), "-D", str(self._data), "-k", str(self._sockets)]
        return subprocess.Popen(
            [*command, *settings], user=_user(), cwd=self._data, stdout=_nothing(), stderr=_nothing()
        )

    def answers(self) -> bool:
        """Whether it takes connections."""
        ready = [str(self._programs / "pg_isready"), "-q", "-h", str(self._sockets)]
        return subprocess.run(ready, check=False).returncode == 0

    def _run(self, program: str, *arguments: str) -> None:
        command = [str(self._programs / program), *arguments]
        subprocess.run(command, user=_user(), cwd=self._sockets, check=True, stdout=_nothing())


@contextlib.contextmanager
def postgres_folder() -> Iterator[Path]:
    """A folder outside pytest's, which PostgreSQL's user could not enter, with a path short enough for a socket."""
    folder = Path(tempfile.mkdtemp(prefix="rlm-pg-"))
    try:
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _user() -> int | None:
    return pwd.getpwnam(_USER).pw_uid if os.geteuid() == 0 else None


def _nothing() -> int:
    return subprocess.DEVNULL
