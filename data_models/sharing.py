"""What keeps a session on this machine, decided from plain lists. Standard library only: hooks ask too.

`compiler.uploading.sharing` says what the lists are, and lets people edit them.
"""

import os

from data_models.project import project_of

TYPE_CHECKING = False  # typing's own costs an import, and hooks can do without
if TYPE_CHECKING:
    from collections.abc import Collection, Iterable

IGNORE = ".rlm-context-ignore"
"""A file of this name keeps its folder and all below it on this machine; what it holds does not matter."""


def shared_file(home: str) -> str:
    """Where the allow-list of git remotes is."""
    return os.path.join(home, "shared-projects.txt")


def private_file(home: str) -> str:
    """Where the sessions are named that are marked private."""
    return os.path.join(home, "private-sessions.txt")


def entries(text: str) -> list[str]:
    """The entries of a list of one a line, in order; "#" begins a comment."""
    found = (line.partition("#")[0].strip() for line in text.split("\n"))
    return [entry for entry in found if entry]


def is_listed(remote: str, shared: "Iterable[str]") -> bool:
    """Whether a normalised remote is on an allow-list, whose entries may hold wildcards (`fnmatch`)."""
    return bool(remote) and any(_matches(remote, pattern.lower()) for pattern in shared)


def why_folder_stays(cwd: str, shared: "Collection[str]", *, named: bool = False) -> str:
    """Why sessions of a folder stay on this machine; "" if they may go to a store that others read.

    Args:
        cwd: the folder, "" if unknown.
        shared: the allow-list.
        named: the user named the project of what is read: that is consent to share it.
    """
    covering = ignoring(cwd)
    if covering:
        return f"{covering} keeps it here"
    if named:
        return ""
    name, remote = project_of(cwd) if cwd else ("its folder", "")
    if not remote:
        return f"{name} has no git remote that could be shared"
    return "" if is_listed(remote, shared) else f"{remote} is not shared"


def ignoring(folder: str) -> str:
    """The ignore file that covers a folder, "" for none."""
    candidate = (folder.rstrip("/") or "/") if os.path.isabs(folder) else ""
    while candidate:
        path = os.path.join(candidate, IGNORE)
        try:
            os.stat(path)
            return path
        except (FileNotFoundError, NotADirectoryError, ValueError):  # ValueError: a NUL in the path
            parent = os.path.dirname(candidate)
            candidate = parent if parent != candidate else ""
        except OSError:
            return path  # out of reach: rather too little is shared than too much
    return ""


def _matches(remote: str, pattern: str) -> bool:
    if remote == pattern:
        return True
    if not any(char in pattern for char in "*?["):
        return False
    from fnmatch import fnmatchcase  # brings `re`, which a hook need not pay for plain names

    return fnmatchcase(remote, pattern)
