"""Project identity, decided once on the author's machine. Standard library only.

A project is a git remote (`upstream`, else `origin`) written `host/owner/repo`, else the repository's or
session's folder relative to the home folder. Git's files are read directly, because starting `git` costs more
than a hook may take; layout: gitrepository-layout(5), worktrees by their `gitdir` and `commondir` files.
"""

import configparser
import re
from pathlib import Path

_SCP = re.compile(r"^(?:[^@/\s]+@)?([A-Za-z0-9.-]+):(?!//)(.+)$")
_URL = re.compile(
    r"^[a-z][a-z0-9+.-]*://(?:[^@/\s]*@)?([A-Za-z0-9.-]+|\[[0-9a-fA-F:]+\])(?::\d+)?/(.+)$", re.I
)


def normalise_remote(remote: str) -> str:
    """A git remote as `host/owner/repo`, lower-case, without user, password, port or ".git"; "" if it is a path."""
    address = re.split(r"[?#]", remote.strip())[0]  # a query may hold a token
    match = _URL.match(address) or _SCP.match(address)
    if not match:
        return ""
    path = match[2].strip("/").removesuffix(".git").strip("/")
    return f"{match[1]}/{path}".lower() if path else ""


def find_repository(folder: Path) -> Path | None:
    """The nearest folder at or above `folder` that holds a `.git`, or None."""
    for candidate in (folder, *folder.parents):
        try:
            if (candidate / ".git").exists():
                return candidate
        except OSError:
            return None
    return None


def git_folder(repository: Path) -> Path | None:
    """The folder with the repository's `config`: `.git`, or for a worktree the main checkout's."""
    dot_git = repository / ".git"
    try:
        if dot_git.is_dir():
            return dot_git
        pointer = dot_git.read_text(encoding="utf-8", errors="replace").strip()
        folder = (repository / pointer.removeprefix("gitdir:").strip()).resolve()
        common = folder / "commondir"
        return (folder / common.read_text(encoding="utf-8").strip()).resolve() if common.is_file() else folder
    except OSError:
        return None


def remote_of(repository: Path) -> str:
    """The URL of the remote that names the project: `upstream`, else `origin`, else "" (as written in config)."""
    folder = git_folder(repository)
    parser = configparser.RawConfigParser(strict=False, allow_no_value=True, delimiters=("=",))
    try:
        parser.read_string(_dedented(folder / "config") if folder else "")
    except (OSError, configparser.Error):
        return ""
    for name in ("upstream", "origin"):
        url = parser.get(f'remote "{name}"', "url", fallback=None)
        if url:
            return url
    return ""


def _dedented(path: Path) -> str:
    # Git indents its keys; configparser would read an indented line as a continuation.
    lines = path.read_text(encoding="utf-8", errors="replace").splitlines()
    return "\n".join(line.strip() for line in lines)


def project_of(cwd: str) -> tuple[str, str]:
    """The project of a session that ran in `cwd`, and its normalised remote ("" if it has none)."""
    folder = Path(cwd)
    repository = find_repository(folder) if folder.is_absolute() else None
    remote = normalise_remote(remote_of(repository)) if repository else ""
    return (remote or _folder_name(repository or folder)), remote


def _folder_name(folder: Path) -> str:
    try:
        relative = folder.relative_to(Path.home())
    except ValueError:
        relative = folder
    return "/".join(part for part in relative.parts if part not in ("/", "..")) or "home"
