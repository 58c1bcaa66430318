"""The process that `refresh` leaves behind: fetches what is newer of a folder's project, the brief first.

The hook waits until standard output ends, which it does once the brief is here, or cannot be had; nothing is written
there. The search index follows, for which nobody waits. Of each of the two there is one at a time in a home, and each
has its limit: what was fetched until then stays in the cache.
"""

import fcntl
import os
import signal
import sys

from data_models.env import home_folder, store_url
from rlm_context.hooks.detach import log_line
from rlm_context.hooks.fetch.due import AGAIN, FAILED, UNKNOWN, forget_old, is_due, rest
from rlm_context.hooks.files import make_private
from rlm_context.hooks.here import project_here

BRIEF_SECONDS = 45
INDEX_SECONDS = 600


def main(folder: str) -> None:
    """Fetch what is newer of the project that `folder` belongs to."""
    signal.alarm(BRIEF_SECONDS)
    home, store = home_folder(), store_url()
    name = project_here(folder)
    lock = _lock(home, "refresh.lock", fcntl.LOCK_EX)  # another one may be fetching what is due here
    if is_due(home, name, store):
        _fetch(home, folder, name, lock)


def _fetch(home: str, folder: str, name: str, lock: int) -> None:
    from compiler.local_copy import refresh, refresh_brief
    from compiler.runtime import open_runtime  # a second, where nothing is due not even that
    from rlm_context.hooks.notes.worker import tell_notes

    try:
        runtime = open_runtime(make_store=False)
        project = project_here(folder)  # the team may call it differently, as the store has just told
        found = refresh_brief(runtime, project)
    except Exception:  # noted, whatever it is, and raised again; before, a note would be an answer
        rest(home, name, store_url(), FAILED)
        raise
    rest(home, name, store_url(), _pause(found))
    forget_old(home)
    if found:
        tell_notes(runtime, [project])
    os.dup2(2, 1)  # the hook goes on
    if not found or (index_lock := _lock(home, "index.lock", fcntl.LOCK_EX | fcntl.LOCK_NB)) < 0:
        return  # a start that finds the index older than the brief fetches it
    signal.alarm(INDEX_SECONDS)
    os.close(lock)
    refresh(runtime, project)
    os.close(index_lock)


def _pause(found: bool) -> float:
    """Seconds until the store is asked again; to look into a folder costs nothing."""
    if "://" not in store_url():
        return 0.0
    return AGAIN if found else UNKNOWN


def _lock(home: str, name: str, kind: int) -> int:
    """Take a lock of this home; the descriptor that holds it until it is closed, -1 where another process has it."""
    path = os.path.join(make_private(os.path.join(home, "hooks")), name)
    descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        fcntl.flock(descriptor, kind)
    except BlockingIOError:
        os.close(descriptor)
        return -1
    return descriptor


if __name__ == "__main__":
    try:
        main(sys.argv[1])
    except Exception as error:  # noqa: BLE001  nobody is there to raise to
        from rlm_context.failures import explained

        log_line(home_folder(), f"refresh: {explained(error)}")
