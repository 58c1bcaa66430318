"""Answers a question about what was said and done: by a recursive run of models, or by the best passages."""

import asyncio
from collections.abc import Sequence

from compiler.asking.answer import Answer, Stopped, best_passages
from compiler.asking.library import Library
from compiler.asking.progress import Progress, Show
from compiler.asking.records import new_record
from compiler.local_copy import Copy
from compiler.runtime import Runtime

ASK_USD = 1.0
"""US dollars that one question may cost where nothing else is said."""


async def ask(
    runtime: Runtime,
    copies: Sequence[Copy],
    question: str,
    *,
    max_usd: float | None = None,
    show: Show = lambda progress: None,
) -> Answer:
    """Answer a question about the sessions of some projects.

    Args:
        runtime: the process's runtime; its backend decides whether models are asked.
        copies: the projects' local copies, up to date; at least one.
        question: anything.
        max_usd: the most to spend in US dollars, None for `ASK_USD`.
        show: called with the progress.

    Returns:
        The answer, or what there was of it when a limit was met.

    Raises:
        ProviderError: no key, or one that is not accepted; or a provider's package is missing.
        SettingsError: a model has no known price, so that no limit can be kept.
        RLMError: the models or the sandbox failed, and there is nothing yet to answer with.
        StoreError: what was compiled cannot be read.
        Stopped: the task was cancelled.
    """
    library = Library(runtime.store, copies)
    if runtime.settings.backend == "extractive":
        return best_passages(library, question)
    from compiler.asking.model import ask_models  # the engine, which nobody else waits for

    usd = ASK_USD if max_usd is None else max_usd
    record = new_record(runtime.home)
    show(Progress(1, "reading sessions", 0, 0.0))
    return await ask_models(runtime, library, question, usd, record, show)


def ask_now(
    runtime: Runtime,
    copies: Sequence[Copy],
    question: str,
    *,
    max_usd: float | None = None,
    show: Show = lambda progress: None,
) -> Answer:
    """`ask` for callers without an event loop. After Ctrl-C the answer is what there was by then.

    Raises:
        KeyboardInterrupt: Ctrl-C, and there was nothing; besides what `ask` raises.
    """
    stopped: list[Answer] = []

    async def run() -> Answer:
        try:
            return await ask(runtime, copies, question, max_usd=max_usd, show=show)
        except Stopped as error:
            stopped.append(error.answer)
            raise

    try:
        return asyncio.run(run())
    except KeyboardInterrupt:
        if stopped and stopped[0].text:
            return stopped[0]
        raise
