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
from rlm_context.shown import harmless

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
def steps_shown(projects: int) -> Iterator[Callable[[str], None]]:
    """Show which step of the compile runs.

    Args:
        projects: how many are compiled.

    Yields:
        What is told the project that begins; where there are several, what follows names it.
    """
    starting, of = "starting Prefect", _Title(projects)
    if not sys.stderr.isatty():
        with _listening(lambda text: say(f"{of}: {text}")):
            say(f"{of}: {starting}")
            yield of.begins
        return
    from rich.console import Console
    from rich.markup import escape

    with (
        Console(stderr=True).status(f"{of}: {starting}") as status,
        _listening(lambda text: status.update(escape(f"{of}: {text}"))),
    ):
        yield of.begins


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


class _Title:
    """What a line of progress begins with.

    Args:
        projects: how many are compiled.
    """

    def __init__(self, projects: int) -> None:
        self._projects, self._begun, self._project = projects, 0, ""

    def begins(self, project: str) -> None:
        """The next one begins."""
        self._begun, self._project = self._begun + 1, harmless(project)

    def __str__(self) -> str:
        if self._projects < 2 or not self._begun:
            return _TITLE
        return f"{_TITLE} {self._begun} of {self._projects}, {self._project}"


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
