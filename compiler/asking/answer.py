"""What came of a question, and the answer without a model: the passages that are found for it."""

import msgspec

from compiler.asking.cited import Cited, first_words
from compiler.asking.library import Library
from data_models.records import Usage
from rlm.errors import RunCancelled
from search.render import render

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
