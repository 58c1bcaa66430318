"""The tool `get_brief`."""

from typing import Annotated

import msgspec

from rlm_context.mcp_server.fenced import MOST_CHARS, NOTICE, clean, first_lines, shown
from rlm_context.mcp_server.places import indexes
from rlm_context.mcp_server.tool import Arguments, Project, Reply, Tool, threaded


class BriefArguments(Arguments, frozen=True, kw_only=True):
    """Which text."""

    project: Project = ""
    full: Annotated[
        bool, msgspec.Meta(description="The longer text, with what did not fit into the brief.")
    ] = False


class Compiled(msgspec.Struct, frozen=True, kw_only=True):
    """The compiled context of one project; `lines_left_out` counts the lines that did not fit into this result."""

    project: str
    generation: str
    text: str
    lines_left_out: int


class BriefResult(msgspec.Struct, frozen=True, kw_only=True):
    """The compiled contexts, one a project."""

    notice: str
    contexts: list[Compiled]


def get_brief(arguments: BriefArguments) -> Reply:
    """The compiled context."""
    from compiler.local_copy import Copy  # brings Arrow, which a search can do without

    found = indexes(arguments.project)
    room = MOST_CHARS // len(found)
    contexts = []
    for index in found:
        copy = Copy(index.project, index.folder.name, str(index.folder))
        text, left_out = first_lines(copy.read("full.md" if arguments.full else "brief.md"), room)
        contexts.append(
            Compiled(
                project=copy.project,
                generation=copy.generation,
                text=clean(text, MOST_CHARS),
                lines_left_out=left_out,
            )
        )
    cut = sum(context.lines_left_out for context in contexts)
    return Reply(
        shown(
            "compiled context",
            "\n\n".join(context.text for context in contexts),
            f"{cut:,} lines left out; search_context finds what they say." if cut else "",
        ),
        BriefResult(notice=NOTICE, contexts=contexts),
    )


BRIEF = Tool(
    name="get_brief",
    title="Read the compiled context",
    description=(
        "The compiled context of this project: what its earlier sessions amount to, as a summary, key decisions, "
        "patterns, dead ends, open items, and where to look, each line dated and cited. A session usually starts with "
        "it already; call this when it is missing (after the history was compacted, in a subagent), for another "
        "project, or with full=true for the lines that did not fit."
    ),
    arguments=BriefArguments,
    result=BriefResult,
    run=threaded(get_brief),
)
