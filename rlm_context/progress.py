"""Progress of a compile on stderr: one changing line on a terminal, else a line for each step."""

import logging
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from rlm_context.failures import say

_TITLE = "compile"


@contextmanager
def reading_shown() -> Iterator[Callable[[int, int], None]]:
    """Show that sessions are read; yields a function that takes how many are done, and of how many."""
    if not sys.stderr.isatty():
        say(f"{_TITLE}: reading sessions")
        yield lambda done, total: None
        return
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
    with Progress(*columns, console=Console(stderr=True), transient=True) as bar:
        task = bar.add_task(f"{_TITLE}: reading sessions", total=None)
        yield lambda done, total: bar.update(task, completed=done, total=total)


@contextmanager
def steps_shown() -> Iterator[None]:
    """Show which step of the compile runs."""
    starting = "starting Prefect"
    if not sys.stderr.isatty():
        with _listening(lambda text: say(f"{_TITLE}: {text}")):
            say(f"{_TITLE}: {starting}")
            yield
        return
    from rich.console import Console
    from rich.markup import escape

    with (
        Console(stderr=True).status(f"{_TITLE}: {starting}") as status,
        _listening(lambda text: status.update(escape(f"{_TITLE}: {text}"))),
    ):
        yield


class _Calling(logging.Handler):
    """Hands each record's text to a function."""

    def __init__(self, show: Callable[[str], None]) -> None:
        super().__init__(logging.INFO)
        self._show = show

    def emit(self, record: logging.LogRecord) -> None:
        """See `logging.Handler.emit`."""
        self._show(record.getMessage())


@contextmanager
def _listening(show: Callable[[str], None]) -> Iterator[None]:
    """Hand what the compile logs as progress to `show` during the block."""
    logger = logging.getLogger("rlm_context.progress")
    handler = _Calling(show)
    level, propagate = logger.level, logger.propagate
    logger.setLevel(logging.INFO)
    logger.propagate = False
    logger.addHandler(handler)
    try:
        yield
    finally:
        logger.removeHandler(handler)
        logger.setLevel(level)
        logger.propagate = propagate
