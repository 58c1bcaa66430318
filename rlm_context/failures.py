"""Every failure as one line on stderr: what happened, whether data is partial, what to run next.

Standard library only, because `search` and the start of every command fail through here too.
"""

import errno
import os
import sys
from pathlib import Path

from data_models.env import home
from data_models.errors import RlmContextError

INTERRUPTED = "interrupted. Nothing is lost. Next: the same command again, which goes on from here"

_ROOT = Path(__file__).parents[1]
_NO_SPACE = frozenset({errno.ENOSPC, errno.EDQUOT, errno.EFBIG})
_NOT_ALLOWED = frozenset({errno.EACCES, errno.EPERM, errno.EROFS})
_LOG_BYTES = 1 << 20
"""The log of unexpected errors starts anew above this size."""


def say(text: str) -> None:
    """A line for the person, on stderr."""
    print(text, file=sys.stderr, flush=True)


def explain(error: BaseException, about: str = "") -> None:
    """Say in one line what stopped a command.

    Args:
        error: what was raised.
        about: what the error is about, e.g. a project, where the line would not say it.
    """
    say(f"rlm-context: {about}{': ' if about else ''}{explained(error)}")


def explained(error: BaseException) -> str:
    """An error as one line.

    What nobody expected is a bug: its type and place are said, and its traceback goes to a file in the home, without
    its message, which may quote a transcript.
    """
    if isinstance(error, KeyboardInterrupt):
        return INTERRUPTED
    if isinstance(error, RlmContextError):
        return _line(error.message, error.next_command or "", error.partial)
    if isinstance(error, OSError):
        return _line(*_system(error), partial=True)
    return _line(*_unexpected(error), partial=True)


def _line(message: str, following: str, partial: bool) -> str:
    kept = " What was done so far is kept." if partial else ""
    sentence = " ".join(message.split()).rstrip(".")
    return f"{sentence}.{kept}" + (f" Next: {following}" if following else "")


def _system(error: OSError) -> tuple[str, str]:
    """What the system refused, and what to do about it."""
    place = str(error.filename) if error.filename else str(home())
    message = f"{place}: {error.strerror or type(error).__name__}"
    if error.errno in _NO_SPACE:
        return message, f"free space (df -h {place}), then run the same command again"
    if error.errno in _NOT_ALLOWED:
        return message, f"ls -ld {place}, then run the same command again"
    return message, "rlm-context doctor"


def _unexpected(error: BaseException) -> tuple[str, str]:
    log = home() / "logs" / "errors.log"
    following = f"report it with {log}" if _log(log, error) else "report it"
    return f"unexpected {type(error).__name__}{_place(error)}", following


def _place(error: BaseException) -> str:
    """Where in our own code it happened: " in compiler/tree.py:88"."""
    from traceback import extract_tb  # an import that only bugs pay for

    frames = extract_tb(error.__traceback__)
    ours = [frame for frame in frames if Path(frame.filename).is_relative_to(_ROOT)]
    ours = [frame for frame in ours if "site-packages" not in frame.filename]
    return f" in {Path(ours[-1].filename).relative_to(_ROOT)}:{ours[-1].lineno}" if ours else ""


def _log(path: Path, error: BaseException) -> bool:
    """Add the traceback, with the types of its causes but no messages; whether that could be written."""
    from datetime import UTC, datetime
    from traceback import format_tb

    parts = [f"{datetime.now(UTC).isoformat(timespec='seconds')} {sys.argv[1:2]}\n"]
    cause: BaseException | None = error
    while cause is not None:
        parts += [*format_tb(cause.__traceback__), f"{type(cause).__qualname__}\n"]
        cause = cause.__cause__ or cause.__context__
    try:
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        fresh = os.O_TRUNC if path.exists() and path.stat().st_size > _LOG_BYTES else os.O_APPEND
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | fresh, 0o600)
        with os.fdopen(descriptor, "w", encoding="utf-8", errors="backslashreplace") as file:
            file.write("".join(parts))
    except OSError:
        return False
    return True
