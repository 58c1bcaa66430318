"""What may leave this machine: a store that others read gets what its user shares, and nothing else.

Three things decide, all of them kept where people can see and edit them:

    <home>/shared-projects.txt     git remotes that are shared, one a line: host/owner/repo, "*" allowed
    <home>/private-sessions.txt    sessions that stay here, one id a line
    .rlm-context-ignore            in a repository (or any folder above the session's): nothing of it is shared

What may not be shared goes to the default local store, which nobody else reads.
"""

import fcntl
import os
import shlex
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from pathlib import Path

from data_models.project import normalise_remote, project_of
from data_models.sharing import entries, ignoring, private_file, shared_file, why_folder_stays
from store.files import FileWriter, store_errors
from store.registry import canonical_url

_SHARED_HEAD = """\
# Git remotes whose sessions may go to a store that others read: one a line, as host/owner/repo; * stands for
# anything. `rlm-context share` edits this file, and so may you. All else stays in the store on this machine.
"""
_PRIVATE_HEAD = """\
# Sessions that stay on this machine, one id a line. `rlm-context private` edits this file, and so may you.
"""


def local_store_url(home: Path) -> str:
    """The default local store: on this machine, and only its user's."""
    return canonical_url(str(home / "store"))


class LineFile:
    """A small file of one entry a line that people edit too; "#" begins a comment."""

    def __init__(self, path: Path, head: str) -> None:
        self.path = path
        self._head = head

    def read(self) -> list[str]:
        """The entries in order; raises StoreError where the file is there and cannot be read."""
        return entries(self._text())

    def add(self, entry: str) -> bool:
        """Add an entry at the end; False if it stands there already."""
        with self._locked():
            if entry in self.read():
                return False
            text = self._text() or self._head
            self._write(f"{text}{'' if text.endswith(chr(10)) else chr(10)}{entry}\n")
        return True

    def remove(self, entry: str) -> bool:
        """Take an entry out, and leave every other line as it is; False if it is not there."""
        with self._locked():
            lines = self._text().split("\n")
            kept = [line for line in lines if line.partition("#")[0].strip() != entry]
            if kept == lines:
                return False
            self._write("\n".join(kept))
        return True

    def _text(self) -> str:
        with store_errors(self.path.parent):
            try:
                return self.path.read_text(encoding="utf-8", errors="replace")
            except FileNotFoundError:
                return ""

    def _write(self, text: str) -> None:
        FileWriter(self.path.parent).write_many([(self.path, text.encode())])

    @contextmanager
    def _locked(self) -> Iterator[None]:
        """One writer at a time: two additions at once must not lose one."""
        with store_errors(self.path.parent):
            self.path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            lock = os.open(self.path.with_suffix(".lock"), os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
            try:
                fcntl.flock(lock, fcntl.LOCK_EX)
                yield
            finally:
                os.close(lock)


def shared_projects(home: Path) -> LineFile:
    """The allow-list of git remotes."""
    return LineFile(Path(shared_file(str(home))), _SHARED_HEAD)


def private_sessions(home: Path) -> LineFile:
    """The sessions that are marked private."""
    return LineFile(Path(private_file(str(home))), _PRIVATE_HEAD)


class Sharing:
    """Decides for one store, with the lists as they are when this is made.

    Args:
        home: the user's home of rlm-context.
        store_url: the store that sessions are meant for.
        named: the user named the project of what is read: that is consent to share it.

    Raises:
        StoreError: a list cannot be read; then nothing may leave.
    """

    def __init__(self, home: Path, store_url: str, *, named: bool = False) -> None:
        self.home = home
        self.is_local = store_url == local_store_url(home)
        self._shared = [] if self.is_local else shared_projects(home).read()
        self._private = frozenset() if self.is_local else frozenset(private_sessions(home).read())
        self._of_folder = cache(lambda cwd: why_folder_stays(cwd, self._shared, named=named))

    def stays(self, session_id: str, cwd: str) -> str:
        """Why a session stays on this machine; "" if it may go to the store.

        Args:
            session_id: the session's id.
            cwd: the folder that it ran in, "" if unknown.
        """
        if self.is_local:
            return ""
        if session_id in self._private:
            return "it is marked private"
        return self._of_folder(cwd)


def how_to_share(cwd: str) -> str:
    """The command that shares the project of a folder; "" where it has no git remote, or an ignore file keeps it."""
    _, remote = project_of(cwd)
    return f"rlm-context share {shlex.quote(remote)}" if remote and not ignoring(cwd) else ""


def as_pattern(text: str) -> str:
    """What a user gives as something to share (a remote's URL, host/owner/repo, a pattern) as the list holds it."""
    return normalise_remote(text) or text.strip().strip("/").removesuffix(".git").lower()
