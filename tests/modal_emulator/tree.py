"""The files of one volume: a plain folder, so that functions can be given it as a mount."""

import os
import shutil
from collections.abc import Iterator
from pathlib import Path, PurePosixPath

from grpclib import GRPCError, Status
from modal_proto import api_pb2


def parts(path: str) -> tuple[str, ...]:
    """A path's names; INVALID_ARGUMENT for what no volume can hold. Leading, double and last slashes say nothing."""
    names = PurePosixPath("/", path).parts[1:]
    if ".." in names or "\0" in path:
        raise GRPCError(Status.INVALID_ARGUMENT, f"invalid path: {path!r}")
    return names


class Tree:
    """Paths are the client's, from the root of the volume; NOT_FOUND is raised for what is not there."""

    def __init__(self, root: Path) -> None:
        self.root = root
        root.mkdir(exist_ok=True)

    def at(self, path: str) -> Path:
        """Where a path is on disk, whether there is something or not."""
        return self.root.joinpath(*parts(path))

    def existing(self, path: str) -> Path:
        """Where an existing file or folder is."""
        found = self.at(path)
        if not os.path.lexists(found):
            raise GRPCError(Status.NOT_FOUND, f"No such file or directory: {path}")
        return found

    def file(self, path: str) -> Path:
        """Where an existing file is."""
        found = self.existing(path)
        if not found.is_file():
            raise GRPCError(Status.INVALID_ARGUMENT, f"{path} is not a file")
        return found

    def room_for(self, path: str, *, overwrite: bool) -> Path:
        """Where a new file goes, its folders made; ALREADY_EXISTS as `overwrite` says, and for every folder."""
        target = self.at(path)
        if not parts(path) or target.is_dir():
            raise GRPCError(Status.ALREADY_EXISTS, f"{path} is a directory")
        if not overwrite and os.path.lexists(target):
            raise GRPCError(Status.ALREADY_EXISTS, f"{path} already exists")
        target.parent.mkdir(parents=True, exist_ok=True)
        return target

    def entries(self, path: str, *, recursive: bool) -> Iterator[api_pb2.FileEntry]:
        """What is in a folder, or below it, in order; a file is described alone. Paths have no leading slash."""
        found = self.existing(path)
        if not found.is_dir():
            yield self._entry(found)
            return
        for child in sorted(found.iterdir()):
            yield self._entry(child)
            if recursive and child.is_dir() and not child.is_symlink():
                yield from self.entries(str(child.relative_to(self.root)), recursive=True)

    def remove(self, path: str, *, recursive: bool) -> None:
        """Remove a file, or a folder with all in it when `recursive`."""
        found = self.existing(path)
        if not found.is_dir() or found.is_symlink():
            found.unlink()
        elif not recursive:
            raise GRPCError(Status.INVALID_ARGUMENT, f"{path} is a directory: remove it recursively")
        elif found == self.root:
            raise GRPCError(Status.INVALID_ARGUMENT, "the root of a volume stays")
        else:
            shutil.rmtree(found)

    def copy(self, sources: list[str], target: str, *, recursive: bool) -> None:
        """As `cp` does: into a folder, or over a file; several sources need a folder."""
        into = self.at(target)
        if len(sources) > 1 and not into.is_dir():
            raise GRPCError(Status.INVALID_ARGUMENT, f"{target} is not a directory")
        for source in [self.existing(path) for path in sources]:
            to = into / source.name if into.is_dir() else into
            to.parent.mkdir(parents=True, exist_ok=True)
            if not source.is_dir():
                shutil.copy2(source, to)
            elif recursive:
                shutil.copytree(source, to, dirs_exist_ok=True, symlinks=True)
            else:
                raise GRPCError(Status.INVALID_ARGUMENT, f"{source.name} is a directory: copy it recursively")

    def _entry(self, path: Path) -> api_pb2.FileEntry:
        stat = path.lstat()
        kind = api_pb2.FileEntry.FILE
        if path.is_symlink():
            kind = api_pb2.FileEntry.SYMLINK
        elif path.is_dir():
            kind = api_pb2.FileEntry.DIRECTORY
        size = 0 if kind == api_pb2.FileEntry.DIRECTORY else stat.st_size
        name = path.relative_to(self.root).as_posix()
        return api_pb2.FileEntry(path=name, type=kind, mtime=int(stat.st_mtime), size=size)
