"""Answers a question about what was said and done: by a recursive run of models, or by the best passages."""

import asyncio
from collections.abc import Sequence

import msgspec

from compiler.asking.cited import Cited, first_words
from compiler.asking.library import Library
from compiler.asking.progress import Progress, Show
from compiler.asking.records import new_record
from compiler.local_copy import Copy
from compiler.runtime import Runtime
from data_models.records import Usage
from rlm.errors import RunCancelled
from search.render import render

ASK_USD = 1.0
"""US dollars that one question may cost where nothing else is said."""

_PASSAGES = 18


class Stopped(RunCancelled):
    """A question was stopped by its user.

    Args:
        answer: what there was by then; its text may be empty.
    """

    def __init__(self, answer: "Answer") -> None:
        super().__init__("interrupted", partial=True)
        self.answer = answer


class Answer(msgspec.Struct, frozen=True, kw_only=True):
    """What came of a question.

    Attributes:
        question: as it was asked.
        projects: whose sessions were looked into.
        text: the answer, Markdown, with those citations that resolve; where there is none, the best passages.
        citations: every citation, those too that were left out of the text.
        passages: whether the text is passages that were found, and not an answer.
        dropped_sentences: parts of the answer left out because of what they say (`compiler.models.guard`).
        stopped_by: "answer", or the limit or failure that ended the run ("" without a model).
        reason: the same in words, "" where nothing ended it early.
        model_used: whether models were asked, now or earlier.
        usage: what it cost now.
        record: the file that holds the trajectory, "" without a model.
        unreadable: sessions that could not be looked into, by their id.
    """

    question: str
    projects: tuple[str, ...]
    text: str
    citations: tuple[Cited, ...] = ()
    passages: bool = False
    dropped_sentences: int = 0
    stopped_by: str = ""
    reason: str = ""
    model_used: bool = False
    usage: Usage = msgspec.field(default_factory=Usage)
    record: str = ""
    unreadable: tuple[str, ...] = ()

    @property
    def dropped_citations(self) -> int:
        """Citations that resolve to nothing."""
        return sum(not cited.resolved for cited in self.citations)

    @property
    def partial(self) -> bool:
        """Whether a limit or a failure came before the end."""
        return self.stopped_by not in ("", "answer")


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


def best_passages(library: Library, question: str) -> Answer:
    """The passages that answer a question best, a block a session, as `search` shows them."""
    hits = library.search(question, _PASSAGES)
    citations = [
        Cited(
            session_id=hit.session_id,
            seq=hit.from_seq,
            shown=f"[s:{library.short[hit.session_id]}#{hit.from_seq}]",
            author=hit.author,
            time=hit.time,
            words=first_words(hit.snippet),
        )
        for hit in hits
        if hit.session_id in library.by_id
    ]
    return Answer(
        question=question,
        projects=library.names,
        text=render(hits, library.short),
        citations=tuple(citations),
        passages=True,
    )
