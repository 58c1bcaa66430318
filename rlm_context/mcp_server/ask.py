"""The tool `ask`."""

import asyncio
from typing import TYPE_CHECKING, Annotated

import anyio
import msgspec

from compiler.models.fence import line
from rlm_context.mcp_server.fenced import MOST_CHARS, NOTICE, clean, shown
from rlm_context.mcp_server.places import indexes
from rlm_context.mcp_server.tool import Arguments, Project, Reply, Tool
from rlm_context.shown import iso

if TYPE_CHECKING:
    from compiler.asking.answer import Answer

_MOST_CITATIONS = 40


class AskArguments(Arguments, frozen=True, kw_only=True):
    """The question."""

    question: Annotated[
        str,
        msgspec.Meta(
            description="One question in a sentence or two, with the names that matter.",
            min_length=1,
            max_length=4_000,
        ),
    ]
    project: Project = ""
    max_usd: Annotated[
        float, msgspec.Meta(description="The most to spend on models, in US dollars.", ge=0, le=1)
    ] = 1.0


class CitedRecord(msgspec.Struct, frozen=True, kw_only=True):
    """A record that the answer rests on."""

    citation: str
    author: str
    time: str | None
    words: str


class AskResult(msgspec.Struct, frozen=True, kw_only=True):
    """The answer, or the best passages where no model answered; `incomplete` says what ended it early."""

    notice: str
    projects: list[str]
    answer: str
    is_passages: bool
    citations: list[CitedRecord]
    incomplete: str
    remarks: list[str]
    usd: float


async def ask(arguments: AskArguments) -> Reply:
    """An answer to a question. When the call is cancelled, models are asked no further."""
    from compiler.asking.ask import ask as answer_question  # the engine, which a search can do without
    from compiler.local_copy import Copy
    from compiler.runtime import open_runtime

    chosen = await anyio.to_thread.run_sync(indexes, arguments.project)
    copies = [Copy(index.project, index.folder.name, str(index.folder)) for index in chosen]
    runtime = await anyio.to_thread.run_sync(lambda: open_runtime(make_store=False))
    asking = asyncio.create_task(
        answer_question(runtime, copies, arguments.question, max_usd=arguments.max_usd)
    )
    try:
        answer = await asyncio.shield(asking)
    except asyncio.CancelledError:
        asking.cancel()  # once: it needs a moment to end what is in flight
        with anyio.CancelScope(shield=True):
            await asyncio.wait([asking])
        raise
    return _reply(answer)


def _reply(answer: "Answer") -> Reply:
    from rlm_context.answers import remarks

    document = AskResult(
        notice=NOTICE,
        projects=list(answer.projects),
        answer=clean(answer.text, MOST_CHARS),
        is_passages=answer.passages,
        citations=[
            CitedRecord(
                citation=cited.shown,
                author=line(cited.author),
                time=iso(cited.time),
                words=line(cited.words),
            )
            for cited in answer.citations[:_MOST_CITATIONS]
            if cited.resolved
        ],
        incomplete=answer.reason if answer.partial else "",
        remarks=[line(remark) for remark in remarks(answer)],
        usd=answer.usage.usd,
    )
    name = "passages" if answer.passages else "answer"
    return Reply(shown(name, document.answer, *document.remarks), document)


ASK = Tool(
    name="ask",
    title="Ask the team's sessions",
    description=(
        "Answer a question about what was said and done in all earlier sessions of this project, where one search does "
        "not: why something became as it is, how a problem developed, what was tried so far. Where models are "
        "configured, a recursive run reads the sessions and answers with citations; that takes up to some minutes and "
        "costs up to max_usd, so try search_context first. Without models it returns the best passages."
    ),
    arguments=AskArguments,
    result=AskResult,
    run=ask,
    asks_models=True,
)
