"""What hooks keep in the home: small files, written whole or not at all. Standard library only.

<home>/hooks/running/<session id>   the agent's process: a session that runs, or was killed
<home>/hooks/shown/<session id>     what of the brief the session has seen
<home>/hooks/shown/.prompt-<id>     empty: the session's first prompt was searched
<home>/hooks/notes/<session id>     what a session works on (`rlm_context.hooks.notes.own`)
<home>/hooks/swept                  touched when the last sweep ended
<home>/spool/raw/<name>/            a session that ended, before it is redacted (`rlm_context.hooks.events.session_end`)
<home>/logs/worker.log              what workers did
"""

import os


def running_folder(home: str) -> str:
    """Marks of sessions that run."""
    return os.path.join(home, "hooks", "running")


def shown_folder(home: str) -> str:
    """What sessions have seen."""
    return os.path.join(home, "hooks", "shown")


def swept_file(home: str) -> str:
    """Its time is that of the last sweep."""
    return os.path.join(home, "hooks", "swept")


def make_private(folder: str) -> str:
    """The folder, made for this user alone where it is missing."""
    if not os.path.isdir(folder):
        make_private(os.path.dirname(folder))
        try:  # suppress() would be one more import for every hook
            os.mkdir(folder, 0o700)
        except FileExistsError:  # another hook was faster
            return folder
    return folder


def write_small(path: str, data: bytes) -> None:
    """Replace a file by these bytes in one step."""
    make_private(os.path.dirname(path))
    temporary = f"{path}.{os.urandom(4).hex()}.tmp"
    descriptor = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
    try:
        os.write(descriptor, data)
    finally:
        os.close(descriptor)
    os.replace(temporary, path)


def read_small(path: str) -> bytes:
    """A file's bytes; b"" where there is none."""
    try:
        with open(path, "rb") as file:
            return file.read()
    except (FileNotFoundError, NotADirectoryError):
        return b""


def names_in(folder: str) -> list[str]:
    """The names in a folder that are not temporary; [] where there is none."""
    try:
        return sorted(
            name for name in os.listdir(folder) if not name.startswith(".") and not name.endswith(".tmp")
        )
    except (FileNotFoundError, NotADirectoryError):
        return []
