"""Progress on long work: a bar on a terminal, nothing where nobody watches."""

import logging
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager


@contextmanager
def progress_bar(title: str) -> Iterator[Callable[[int, int], None]]:
    """A function that takes what is done and the whole, shown on stderr while the block runs."""
    if not sys.stderr.isatty():
        yield lambda done, total: None
        return
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
    with Progress(*columns, console=Console(stderr=True), transient=True) as bar:
        task = bar.add_task(title, total=None)
        yield lambda done, total: bar.update(task, completed=done, total=total)


@contextmanager
def steps_shown(title: str) -> Iterator[None]:
    """Show which step of a compile runs, on stderr: one changing line on a terminal, else a line a step."""
    handler: logging.Handler
    if sys.stderr.isatty():
        from rich.console import Console

        with Console(stderr=True).status(title) as status:
            handler = _Calling(lambda text: status.update(f"{title}: {text}"))
            with _listening(handler):
                yield
    else:
        with _listening(_Calling(lambda text: print(f"{title}: {text}", file=sys.stderr, flush=True))):
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
def _listening(handler: logging.Handler) -> Iterator[None]:
    logger = logging.getLogger("rlm_context.progress")
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
