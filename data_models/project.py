"""Project identity, decided once on the author's machine. Standard library only.

A project is a git remote (`upstream`, else `origin`) written `host/owner/repo`, else the repository's or
session's folder relative to the home folder. Git's files are read directly, because starting `git` costs more
than a hook may take, and so do `re`, `pathlib` and `configparser`; layout: gitrepository-layout(5), git-config(1),
worktrees by their `gitdir` and `commondir` files.
"""

import os
import stat

_LONGEST = 1 << 20
"""Bytes read of a file of git's; the largest configurations have thousands."""
_HOST = frozenset("abcdefghijklmnopqrstuvwxyz0123456789.-")
_SCHEME = frozenset("abcdefghijklmnopqrstuvwxyz0123456789+.-")


def normalise_remote(remote: str) -> str:
    """A git remote as `host/owner/repo`, lower-case, without user, password, port or ".git"; "" if it is a path."""
    address = remote.strip().partition("?")[0].partition("#")[0].lower()  # a query may hold a token
    scheme, is_url, rest = address.partition("://")
    if is_url:
        place, _, path = rest.partition("/")
        host, port = _host_and_port(place.rpartition("@")[2])
        usable = _SCHEME.issuperset(scheme) and scheme[:1].isalpha() and (port.isdigit() or not port)
    else:  # the form of scp: host:path
        place, _, path = address.partition(":")
        host = place.rpartition("@")[2]
        usable = "/" not in place and not path.startswith("//")
    if not usable or not host or any(char.isspace() for char in place):
        return ""
    name = path.strip("/").removesuffix(".git").strip("/")
    is_host = _HOST.issuperset(host) or (host[0] == "[" and host[-1] == "]" and bool(is_url))
    return f"{host}/{name}" if name and is_host and "\n" not in name else ""


def _host_and_port(place: str) -> tuple[str, str]:
    if place.startswith("["):  # an IPv6 address
        host, _, port = place.partition("]")
        return f"{host}]", port.removeprefix(":")
    host, _, port = place.partition(":")
    return host, port


def find_repository(folder: str) -> str:
    """The nearest folder at or above an absolute one that holds a `.git`; "" for none."""
    candidate = folder.rstrip("/") or "/"
    while not os.path.exists(os.path.join(candidate, ".git")):
        parent = os.path.dirname(candidate)
        if parent == candidate:
            return ""
        candidate = parent
    return candidate


def git_folder(repository: str) -> str:
    """The folder with the repository's `config`: `.git`, or for a worktree the main checkout's; "" if unreadable."""
    folder = _own_git_folder(repository)
    common = os.path.join(folder, "commondir")
    try:
        if folder and os.path.isfile(common):
            return os.path.realpath(os.path.join(folder, _read(common).strip()))
    except (OSError, ValueError):  # ValueError: a NUL in a path
        return ""
    return folder


def branch_of(repository: str) -> str:
    """The branch that is checked out in a repository or worktree, "" for none."""
    folder = _own_git_folder(repository)
    try:
        head = _read(os.path.join(folder, "HEAD")).strip() if folder else ""
    except OSError:
        return ""
    return head.removeprefix("ref: refs/heads/") if head.startswith("ref: refs/heads/") else ""


def _own_git_folder(repository: str) -> str:
    """The folder that a checkout has for itself: `.git`, or for a worktree where its `.git` file points."""
    dot_git = os.path.join(repository, ".git")
    if os.path.isdir(dot_git):
        return dot_git
    try:
        pointer = _read(dot_git).strip().removeprefix("gitdir:").strip()
        return os.path.realpath(os.path.join(repository, pointer))
    except (OSError, ValueError):  # ValueError: a NUL in a path
        return ""


def remote_of(repository: str) -> str:
    """The URL of the remote that names the project: `upstream`, else `origin`, else "" (as written in config)."""
    folder = git_folder(repository)
    try:
        urls = _remotes(_read(os.path.join(folder, "config"))) if folder else {}
    except OSError:
        return ""
    return urls.get("upstream") or urls.get("origin") or ""


def project_of(cwd: str) -> tuple[str, str]:
    """The project of a session that ran in `cwd`, and its normalised remote ("" if it has none)."""
    repository = find_repository(cwd) if os.path.isabs(cwd) else ""
    remote = normalise_remote(remote_of(repository)) if repository else ""
    return (remote or _folder_name(repository or cwd)), remote


def _read(path: str) -> str:
    """A file of git's; raises OSError also for a pipe or a device, which a folder that others made may hold."""
    descriptor = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
    try:
        if not stat.S_ISREG(os.fstat(descriptor).st_mode):
            raise OSError(f"{path} is no file")
        return os.read(descriptor, _LONGEST).decode("utf-8", "replace")
    finally:
        os.close(descriptor)


def _remotes(config: str) -> dict[str, str]:
    """The first URL of each remote of a git configuration."""
    found: dict[str, str] = {}
    section = ""
    for line in map(str.strip, config.split("\n")):
        if line.startswith("["):
            kind, _, name = line[1:].partition("]")[0].partition(" ")
            section = name.strip().strip('"') if kind.strip().lower() == "remote" else ""
        elif section:
            key, _, value = line.partition("=")
            if key.strip().lower() == "url":
                found.setdefault(section, value.partition(" #")[0].partition(" ;")[0].strip().strip('"'))
    return found


def _folder_name(folder: str) -> str:
    path, home = os.path.normpath(folder), os.path.expanduser("~").rstrip("/")
    if path == home or path.startswith(f"{home}/"):
        path = path[len(home) :]
    return "/".join(part for part in path.split("/") if part not in ("", ".", "..")) or "home"
