"""This machine, before any setting is read: Python, the home and its disk."""

import os
import shlex
import shutil
import sys
from collections.abc import Iterator
from pathlib import Path

from data_models import env
from rlm_context.checks import Check

_LEAST_FREE = 500_000_000
"""Bytes on the home's disk below which a compile may fail."""
_FOLDERS = ("spool", "spool/raw", "hooks", "logs", "cache", "prefect", "backups")


def machine_checks() -> Iterator[Check]:
    """Whether this program can run and write here."""
    yield Check("python", sys.version_info >= (3, 11), sys.version.split()[0])
    home = env.home()
    yield _home(home)
    yield from _folders(home)
    yield _disk(home)


def _home(home: Path) -> Check:
    quoted = shlex.quote(str(home))
    if home.is_dir():
        private = (home.stat().st_mode & 0o077) == 0
        if not usable(home):
            return Check("home", False, f"{home} cannot be written", f"ls -ld {quoted}")
        mend = "" if private else f"chmod 700 {quoted}"
        return Check("home", private, f"{home}, {'only yours' if private else 'others can look in'}", mend)
    blocking = first_there(home)
    if blocking.is_dir() and usable(blocking):
        return Check("home", True, f"{home}, not made yet")
    reason = "cannot be written" if blocking.is_dir() else "is no folder"
    look = f"ls -ld {shlex.quote(str(blocking))}"
    return Check("home", False, f"{home} cannot be made: {blocking} {reason}", look)


def _folders(home: Path) -> Iterator[Check]:
    """What stands where a folder of ours should be, or is one that cannot be used."""
    for path in (home / name for name in _FOLDERS):
        if os.path.lexists(path) and not (path.is_dir() and usable(path)):
            reason = "cannot be read and written" if path.is_dir() else "is no folder"
            quoted = shlex.quote(str(path))
            mend = f"chmod 700 {quoted}" if path.is_dir() else f"mv {quoted} {quoted}.old"
            yield Check("home", False, f"{path} {reason}", mend)


def _disk(home: Path) -> Check:
    place = first_there(home)
    free = shutil.disk_usage(place if place.is_dir() else place.parent).free
    roomy = free > _LEAST_FREE
    return Check(
        "disk",
        roomy,
        f"{free / 1e9:.1f} GB free",
        "" if roomy else f"free space (df -h {shlex.quote(str(home))})",
    )


def first_there(path: Path) -> Path:
    """The path itself, or the nearest above it that is there."""
    return next((place for place in (path, *path.parents) if os.path.lexists(place)), Path("/"))


def usable(folder: Path) -> bool:
    """Whether this process may list, enter and write a folder."""
    return os.access(folder, os.R_OK | os.W_OK | os.X_OK)
