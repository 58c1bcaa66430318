"""A volume at its mount path, for a process of this machine.

With bubblewrap the process sees the file system of this machine with the volumes laid over it, and what is made above
a mount path for that is made in memory. Without it, a link is made at the mount path while the emulator runs, where
nothing is there and the folder above may be written.
Unlike the real service, what a container writes is seen by all at once, without a commit.
"""

import functools
import os
import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class Point:
    """A folder that a process shall see elsewhere."""

    at: Path
    folder: Path
    read_only: bool


class Presenter:
    """Commands with volumes in their place; remembers the links it made."""

    def __init__(self) -> None:
        self._links: list[Path] = []

    def command(self, points: list[Point], command: list[str], *, network: bool = True) -> list[str]:
        """The command to run so that `command` sees the points, and without bubblewrap always the network.

        Raises:
            OSError: There is no bubblewrap that works, and no link can be made.
        """
        if not points and network:
            return command
        if bubblewrap_works():
            around = ["bwrap", "--die-with-parent", *([] if network else ["--unshare-net"])]
            return [*around, *beneath(Path("/"), points), *laid(points), "--", *command]
        for point in points:
            self._link(point)
        return command

    def close(self) -> None:
        """Take the links away."""
        for link in self._links:
            link.unlink(missing_ok=True)

    def _link(self, point: Point) -> None:
        if point.at.is_symlink() and point.at.readlink() == point.folder:
            return
        try:
            point.at.symlink_to(point.folder, target_is_directory=True)
        except OSError as error:
            raise OSError(f"no volume at {point.at} without bubblewrap on this machine: {error}") from error
        self._links.append(point.at)


@functools.cache
def bubblewrap_works() -> bool:
    """Whether this machine lets us use bubblewrap."""
    probe = ["bwrap", "--unshare-net", "--dev-bind", "/", "/", "true"]
    return (
        bool(shutil.which("bwrap")) and not subprocess.run(probe, capture_output=True, check=False).returncode
    )


def beneath(folder: Path, points: list[Point]) -> list[str]:
    """Arguments that show all of `folder`; what lies above a point is made anew, so that the point fits in."""
    arguments: list[str] = []
    for entry in sorted(os.scandir(folder), key=lambda entry: entry.name):
        path = Path(entry.path)
        if entry.is_symlink():
            arguments += ["--symlink", str(path.readlink()), str(path)]
        elif any(path in point.at.parents for point in points) and entry.is_dir():
            arguments += ["--dir", str(path), *beneath(path, points)]
        elif all(path != point.at for point in points):
            arguments += ["--dev-bind-try", str(path), str(path)]
    return arguments


def laid(points: list[Point]) -> list[str]:
    """Arguments that lay each point's folder in its place, those above others first."""
    arguments: list[str] = []
    for point in sorted(points, key=lambda point: len(point.at.parts)):
        arguments += ["--ro-bind" if point.read_only else "--bind", str(point.folder), str(point.at)]
    return arguments
