"""The worker that a hook leaves behind: redacts and uploads sessions that ended, has them compiled, and ends.

There is one for each home. Another that is started meanwhile ends at once; the one that works looks again before it
ends, so nothing that was left before waits for the next hook. It may be killed at any moment: a job goes only after
its session is in the spool, and what it did not do the next one does.
"""

import fcntl
import os
import shutil
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

from data_models.env import INSIDE, home, raw_folder
from flows.server_process import try_lock
from rlm_context.failures import explain
from rlm_context.hooks import files
from rlm_context.hooks.running import killed_sessions, unmark

if TYPE_CHECKING:
    from rlm_context.hooks.worker.waiting import Work

_SHOWN_DAYS = 60


def main() -> None:
    """Work until nothing waits, unless another process does."""
    os.environ[INSIDE] = "1"
    folder = home()
    work_alone(folder, lambda: _work(folder))


def work_alone(folder: Path, work: Callable[[], None]) -> None:
    """Call `work` for as long as jobs come in while it runs, unless another process works on this home.

    A hook that finds the worker busy leaves it its job. The worker lets go of the lock before it looks a last time,
    so either it sees the job, or the hook's own worker gets the lock.
    """
    files.make_private(str(folder / "hooks"))
    before: list[str] = []
    while True:
        lock = try_lock(folder / "hooks" / "worker.lock", fcntl.LOCK_EX)
        if lock is None:
            return
        try:
            work()
        finally:
            os.close(lock)
        left = files.names_in(raw_folder(str(folder)))
        if not left or left == before:  # what could not be taken up now waits for the next start
            return
        before = left


def _work(folder: Path) -> None:
    from rlm_context.hooks.worker.waiting import (
        take_up,
    )  # half a second that a worker which finds another one need not pay

    killed = killed_sessions(str(folder))
    jobs = files.names_in(raw_folder(str(folder)))
    log(f"worker {os.getpid()}: {len(jobs)} ended, {len(killed)} killed")
    try:
        done = take_up(folder)
        log(f"worker {os.getpid()}: {_told(done)}")
    except Exception as error:  # noqa: BLE001  a worker has nobody to raise to: the log is where it is looked for
        explain(error)
        return
    for session_id in killed:
        unmark(str(folder), session_id)
    _forget_old(folder)
    if done.is_unfinished:
        Path(files.swept_file(str(folder))).unlink(missing_ok=True)  # so the next start leaves a worker
    else:
        files.write_small(files.swept_file(str(folder)), b"")


def _told(done: "Work") -> str:
    return f"{done.uploaded} uploaded, {done.unchanged} unchanged, {done.kept} not shared, compiled: {done.compiled}"


def log(text: str) -> None:
    """A line of the workers' log, which holds numbers and names, and no content."""
    print(f"{time.strftime('%Y-%m-%dT%H:%M:%SZ', time.gmtime())} {text}", file=sys.stderr, flush=True)


def _forget_old(folder: Path) -> None:
    """Remove notes of what sessions saw long ago, and jobs that were never completed."""
    oldest = time.time() - _SHOWN_DAYS * 86_400
    shown = Path(files.shown_folder(str(folder)))
    for path in shown.iterdir() if shown.is_dir() else ():
        if path.stat().st_mtime < oldest:
            path.unlink(missing_ok=True)
    raw = Path(raw_folder(str(folder)))
    for path in raw.iterdir() if raw.is_dir() else ():
        if path.name.startswith(".") and path.stat().st_mtime < time.time() - 86_400:
            shutil.rmtree(path, ignore_errors=True)


if __name__ == "__main__":
    main()
