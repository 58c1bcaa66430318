"""Progress of a compile or a question on stderr: one changing line on a terminal, else a line for each step."""

import logging
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from compiler.asking.progress import Progress as Asked
from compiler.asking.progress import Show
from rlm_context.costs import dollars
from rlm_context.failures import say
from rlm_context.output import plural

_TITLE = "compile"


@contextmanager
def reading_shown(title: str = _TITLE) -> Iterator[Callable[[int, int], None]]:
    """Show that `title` reads sessions; yields a function that takes how many are done, and of how many."""
    if not sys.stderr.isatty():
        say(f"{title}: reading sessions")
        yield lambda done, total: None
        return
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
    with Progress(*columns, console=Console(stderr=True), transient=True) as bar:
        task = bar.add_task(f"{title}: reading sessions", total=None)
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


@contextmanager
def asking_shown() -> Iterator[Show]:
    """Show how far a question is; yields what takes its progress."""
    if not sys.stderr.isatty():
        turns: list[int] = []

        def line(asked: Asked) -> None:
            if turns[-1:] != [asked.turn]:
                turns.append(asked.turn)
                say(_asked(asked))

        yield line
        return
    from rich.console import Console
    from rich.markup import escape

    with Console(stderr=True).status("ask: starting") as status:
        yield lambda asked: status.update(escape(_asked(asked)))


def _asked(asked: Asked) -> str:
    spent = f", {plural(asked.calls, 'model call')}, {dollars(asked.usd)}" if asked.calls else ""
    return f"ask: turn {asked.turn}, {asked.doing}{spent}"


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
