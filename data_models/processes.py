"""What the operating system tells of a process. Standard library only: hooks look here."""

import os

_GONE = ("Z", "X")
"""States of a process that has ended and that its parent has not looked at yet (proc(5), `state`)."""


def runs(pid: int) -> bool:
    """Whether a process runs on this machine, whosever it is.

    One that ended stays in the table until its parent has looked, and in a container whose first process never looks
    for as long as that lives: signal 0 reaches it, and yet it does not run.
    """
    try:
        os.kill(pid, 0)
    except (ProcessLookupError, OverflowError):
        return False
    except PermissionError:
        pass  # somebody else's process of that number
    return process(pid)[2] not in _GONE


def process(pid: int) -> tuple[int, str, str, str]:
    """Parent, name, state and start (in clock ticks since boot) of a process, as /proc tells them (proc(5), `stat`).

    Returns:
        0 and empty strings where /proc does not tell: of a process that is gone, and on macOS of every one.
    """
    try:
        with open(f"/proc/{pid}/stat", encoding="utf-8", errors="replace") as file:
            head, _, tail = file.read().rpartition(") ")
    except OSError:
        return 0, "", "", ""
    fields = tail.split(" ")
    return int(fields[1]), head.partition("(")[2], fields[0], fields[19]
