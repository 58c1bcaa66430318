"""A question answered by a recursive run: the root model reads the sessions with code, search and sub-calls."""

import asyncio
from pathlib import Path

import msgspec

from compiler.asking.answer import Answer, Stopped, best_passages
from compiler.asking.checks import guarded
from compiler.asking.cited import CitationReader
from compiler.asking.corpus import Corpus, clipped
from compiler.asking.library import Library
from compiler.asking.progress import Follower, Show
from compiler.asking.prompt import ask_prompt
from compiler.asking.records import page_of
from compiler.asking.tools import ask_tools
from compiler.costs import price_setting
from compiler.models.clients import Clients
from compiler.runtime import Runtime
from data_models.errors import SettingsError
from rlm.budget import Budget
from rlm.engine import RLM
from rlm.errors import LimitError, RLMError, RunCancelled, UnpricedModelError
from rlm.result import RLMResult
from rlm.sandbox.registry import open_sandbox
from rlm.trajectory import JsonLines, Record
from rlm.view import write_view

ITERATIONS = 20
CALLS = 256

_ANSWER_CHARS = 40_000
_AGAIN = "the same command again; answers of models that arrived are kept"


async def ask_models(
    runtime: Runtime,
    library: Library,
    question: str,
    usd: float,
    record: Path,
    show: Show,
) -> Answer:
    """The models' answer; what is raised is that of `compiler.asking.ask.ask`.

    Args:
        runtime: the process's runtime.
        library: the sessions.
        question: anything.
        usd: the most to spend, in US dollars.
        record: where the trajectory is written, as it happens.
        show: called with the progress.
    """
    clients = Clients(runtime.settings.models)
    try:
        with JsonLines(record) as write:
            rlm = _engine(runtime, clients, library, usd, show, write)
            corpus = await asyncio.to_thread(Corpus, library)  # reads a part of every file
            result, reason = await _run(rlm, ask_prompt(library, question), corpus, record)
        if library.failure:  # the code may have taken for empty what could not be read
            raise library.failure
    except RunCancelled as error:
        if error.result is None:
            raise
        raise Stopped(_answer(runtime, library, question, error.result, "interrupted", record)) from error
    finally:
        if not record.stat().st_size:  # nothing was asked
            record.unlink()
        await clients.close()
    return _answer(runtime, library, question, result, reason, record)


def _engine(
    runtime: Runtime, clients: Clients, library: Library, usd: float, show: Show, write: JsonLines
) -> RLM:
    """The engine over the models of the settings.

    Raises:
        ProviderError: a model's client cannot be opened.
        SettingsError: a model has no known price.
    """
    prices = runtime.account().prices
    follower = Follower(show, prices)

    def watch(record: Record) -> None:
        write(record)
        follower(record)

    try:
        return RLM(
            follower.watched(clients.root),
            follower.watched(clients.sub),
            tools=ask_tools(library),
            sandbox=open_sandbox(runtime.settings.sandbox),
            budget=Budget(usd=usd, iterations=ITERATIONS, calls=CALLS),
            cache=runtime.replies,
            prices=prices,
            watch=watch,
        )
    except UnpricedModelError as error:
        raise SettingsError(
            f"{error.message}, and a question has one", next_command=f"set {price_setting(error.model)}"
        ) from error


async def _run(rlm: RLM, prompt: str, corpus: Corpus, record: Path) -> tuple[RLMResult, str]:
    """The result, and why it is not whole ("" where it is). What is raised has nothing to answer with, or stops us."""
    result: RLMResult | None = None
    try:
        result = await rlm.complete(prompt, corpus)
        return result, ""
    except RLMError as error:
        result = error.result
        if result is None or isinstance(error, RunCancelled):
            raise
        if isinstance(error, LimitError) or result.answer:
            return result, error.message
        error.next_command = error.next_command or _AGAIN
        raise
    finally:
        if result is not None:
            write_view(result.trajectory.records, page_of(record))


def _answer(
    runtime: Runtime,
    library: Library,
    question: str,
    result: RLMResult,
    reason: str,
    record: Path,
) -> Answer:
    """The result with its citations verified, its statements checked, and its cost."""
    part = runtime.account().part()
    part.book(result)
    reader = CitationReader(library)
    cited, citations = reader.verified(clipped(result.answer.strip(), _ANSWER_CHARS))
    text, dropped = guarded(cited, question, reader)
    answer = Answer(
        question=question,
        projects=library.names,
        text=text,
        citations=tuple(citations),
        dropped_sentences=dropped,
        stopped_by=result.stopped_by,
        reason=reason,
        model_used=True,
        usage=part.usage,
        unreadable=tuple(sorted(library.unreadable)),
        record=str(record),
    )
    if text or result.stopped_by == "cancelled":
        return answer
    found = best_passages(library, question)
    return msgspec.structs.replace(answer, text=found.text, citations=found.citations, passages=True)
