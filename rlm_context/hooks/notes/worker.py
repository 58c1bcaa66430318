"""The worker that a Stop hook leaves behind: exchanges notes with the store, and ends. One at a time in a home."""

import fcntl
import os
from collections.abc import Iterable

from compiler.runtime import Runtime, open_runtime
from data_models.env import INSIDE, home
from data_models.errors import RlmContextError
from flows.server_process import try_lock
from rlm_context.failures import explain
from rlm_context.hooks.detach import log_line
from rlm_context.hooks.files import make_private
from rlm_context.hooks.notes.exchange import exchange_notes


def main() -> None:
    """Exchange notes, unless another process does."""
    os.environ[INSIDE] = "1"
    make_private(str(home() / "hooks"))
    lock = try_lock(home() / "hooks" / "notes.lock", fcntl.LOCK_EX)
    if lock is None:
        return
    try:
        tell_notes(open_runtime())
    except RlmContextError as error:
        explain(error, about="notes")
    finally:
        os.close(lock)


def tell_notes(runtime: Runtime, projects: Iterable[str] = ()) -> None:
    """Exchange notes and say in the workers' log what was done; a failure is a line there, and nothing else.

    Args:
        runtime: the process's runtime.
        projects: as of `exchange_notes`.
    """
    try:
        done = exchange_notes(runtime, projects)
    except (RlmContextError, OSError) as error:
        explain(error, about="notes")
        return
    if done.put or done.removed or done.unreadable:
        log_line(
            str(runtime.home),
            f"notes {os.getpid()}: {done.put} put, {done.removed} removed, {done.here} of teammates here, "
            f"{done.unreadable} unreadable",
        )


if __name__ == "__main__":
    main()
