"""Stop: after each answer the session notes what it works on, for teammates who share the project's store.

The agent does not wait for this hook, but its machine does: it reads what the transcript grew by, and leaves the rest
to a worker (`rlm_context.hooks.notes.worker`), which is started once in a few minutes. The session's end removes the
note: a session that is not marked as running has none.
"""

import os
import time

from data_models.env import home_folder, is_on, setting
from data_models.project import branch_of, find_repository
from data_models.sharing import entries, private_file, shared_file, why_folder_stays
from rlm_context.hooks.files import read_small, running_folder, write_small
from rlm_context.hooks.notes.changed_files import changed_files
from rlm_context.hooks.notes.own import LIFETIME, OwnNote, exchanged_file, read_own, write_own
from rlm_context.hooks.text import session_of, text_of

TYPE_CHECKING = False  # typing's own costs an import
if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from typing import Any

_WORKER = "rlm_context.hooks.notes.worker"
_WORKER_SECONDS = 300
"""A worker for notes is started at most that often in a home."""
_MOST_FILES = 20
_LONGEST_PATH = 400


def stop(event: "dict[str, Any]") -> str:
    """Note what the session works on, if it may be told; nothing is printed.

    Raises:
        OSError: the note cannot be written, or the transcript not be read.
        SettingsError: the configuration file cannot be used.
    """
    home, session_id = home_folder(), session_of(event)
    if not session_id or not _started(home, session_id) or not _has_readers(home):
        return ""
    known = read_own(home, session_id)
    cwd = known.cwd if known else text_of(event, "cwd")
    if not _stays(home, session_id, cwd):
        write_own(home, session_id, _noted(home, session_id, event, cwd, known))
    elif not known:
        return ""
    _tell(home)
    return ""


def _started(home: str, session_id: str) -> float:
    """When the session started (Unix seconds), as its mark says; 0 where it does not run."""
    try:
        return os.stat(os.path.join(running_folder(home), session_id)).st_mtime
    except (FileNotFoundError, NotADirectoryError):
        return 0


def _has_readers(home: str) -> bool:
    """Whether the store is one that others may read, and the user wants them to know."""
    store = setting("store")
    own = os.path.join(home, "store")
    return bool(store) and os.path.abspath(os.path.expanduser(store)) != own and is_on("notes")


def _stays(home: str, session_id: str, cwd: str) -> bool:
    """Whether nothing of this session may leave; the worker decides again, by `compiler.uploading.sharing`."""
    private, shared = (
        entries(read_small(path).decode("utf-8", "replace"))
        for path in (private_file(home), shared_file(home))
    )
    return session_id in private or bool(why_folder_stays(cwd, shared))


def _noted(home: str, session_id: str, event: "dict[str, Any]", cwd: str, known: OwnNote | None) -> OwnNote:
    """The session's note as it is now; after a long pause it begins anew."""
    now = int(time.time() * 1000)
    goes_on = known is not None and 0 <= now - known.last <= LIFETIME
    started = 0 if known else min(_started(home, session_id), now / 1000)
    transcript, offset = text_of(event, "transcript_path"), known.offset if known else 0
    paths, offset = changed_files(transcript, offset, started)
    repository = find_repository(cwd)
    base = text_of(event, "cwd") or cwd  # what Codex names is below the folder that it is in now
    files = [*_below(repository, base, paths), *(known.files if known and goes_on else [])]
    return OwnNote(
        {
            "cwd": cwd,
            "branch": branch_of(repository),
            "files": list(dict.fromkeys(files))[:_MOST_FILES],
            "since": (known.since if goes_on else now) if known else int(started * 1000),
            "last": now,
            "offset": offset,
        }
    )


def _below(repository: str, base: str, paths: "Iterable[str]") -> "Iterator[str]":
    """Those of the paths that are below the repository, relative to it."""
    roots = {repository, os.path.realpath(repository)}
    for path in paths:
        whole = os.path.normpath(os.path.join(base, path))
        for root in roots:
            if whole.startswith(f"{root}/") and len(whole) - len(root) <= _LONGEST_PATH:
                yield whole[len(root) + 1 :]
                break


def _tell(home: str) -> None:
    """Start a worker for notes, unless one was started a moment ago."""
    path = exchanged_file(home)
    try:
        age = time.time() - os.stat(path).st_mtime
    except FileNotFoundError:
        age = _WORKER_SECONDS
    if not 0 <= age < _WORKER_SECONDS:  # below 0: the clock was put back
        write_small(path, b"")
        from rlm_context.hooks.detach import start_worker  # once in a few minutes

        start_worker(home, _WORKER)
