"""The plain reduce: one call of the root model over the lines that rules chose."""

from collections.abc import Iterable, Iterator, Sequence
from typing import Literal, NamedTuple

import msgspec

from compiler.account import Part
from compiler.extractive.lines import PER_SECTION
from compiler.extractive.text import shorten
from compiler.models import fence
from compiler.models.asking import ask
from compiler.models.replies import schema
from compiler.models.root_pass.citations import Citable
from compiler.models.root_pass.draft import LONGEST, WRITTEN, Drafted, one_line
from compiler.models.root_pass.prompt import REDUCE
from data_models.knowledge import Citation, Line
from rlm.clients.protocol import Client, Message, Request
from search.render import day_of

_ANSWER_TOKENS = 8_192
_MOST_CITATIONS = 4


class RootLine(msgspec.Struct, frozen=True):
    """One line, and the numbers of the given lines that it rests on, or that show that it does not hold any more."""

    section: Literal["Summary", "Key decisions", "Patterns", "Dead ends", "Open items"]
    text: str
    numbers: list[int] = msgspec.field(name="from")
    superseded_by: list[int]


class RootReply(msgspec.Struct, frozen=True):
    """What the plain reduce is answered."""

    lines: list[RootLine]


class Reduced(NamedTuple):
    """The lines that stand, and how many do not: because they rest on nothing that was given, or for what they say."""

    lines: tuple[Drafted, ...]
    uncited: int
    refused: int


_SCHEMA = schema(RootReply)


async def reduce(client: Client, project: str, base: Sequence[Line], citable: Citable, part: Part) -> Reduced:
    """Have the root model write the lines of the compiled context from those that rules chose.

    Args:
        client: the root model.
        project: the project's name.
        base: the lines of the extractive root, best first in each section.
        citable: knows what stands behind citations.
        part: pays.

    Raises:
        NoAnswer: the model gave none that can be used.
        ProviderError: no call to this provider can succeed.
        PipelineError: the provider has been failing for too long.
    """
    given = [line for section in WRITTEN for line in base if line.section == section]
    reply = await ask(client, request(project, given), RootReply, part)
    drafted = _distinct(_drafted(line, given) for line in reply.lines if line.text.strip())
    cited = [one for one in drafted if one.citations]
    kept = [one for one in cited if not citable.fault(one.text, one.citations)]
    return Reduced(tuple(_superseding(kept)), len(drafted) - len(cited), len(cited) - len(kept))


def request(project: str, given: Sequence[Line]) -> Request:
    """The call: a function of the project's name and the lines, and of nothing else."""
    told = fence.fenced(
        "lines", "\n".join(_told(number, line, given) for number, line in enumerate(given, 1))
    )
    return Request(
        messages=(Message("user", f"Project: {fence.line(project)}\n\n{told}"),),
        system=REDUCE,
        max_tokens=_ANSWER_TOKENS,
        schema=_SCHEMA,
    )


def _told(number: int, line: Line, given: Sequence[Line]) -> str:
    by = [at for at, other in enumerate(given, 1) if set(other.citations[:1]) & set(line.superseded_by)]
    replaced = f"; superseded by {by[0] if by else 'a line that is not given'}" if line.superseded_by else ""
    return f"{number}. ({line.section}; {day_of(line.time)}{replaced}) {fence.line(line.text)}"


def _drafted(line: RootLine, given: Sequence[Line]) -> Drafted:
    """The line with the citations of what it rests on. Numbers out of range mean nothing."""
    rests, later = _numbered(line.numbers, given), _numbered(line.superseded_by, given)
    newest = max((one.time for one in rests), default=0)
    return Drafted(
        line.section,
        shorten(one_line(line.text), LONGEST),
        tuple(_citations(rests)),
        superseded_by=tuple(_citations(one for one in later if one.time >= newest))[:2],
    )


def _numbered(numbers: Iterable[int], given: Sequence[Line]) -> list[Line]:
    return [given[number - 1] for number in dict.fromkeys(numbers) if 0 < number <= len(given)]


def _citations(rests: Iterable[Line]) -> list[Citation]:
    """The first citation of each line, then the others."""
    lines = list(rests)
    first = [cited for line in lines for cited in line.citations[:1]]
    others = [cited for line in lines for cited in line.citations[1:]]
    return list(dict.fromkeys((*first, *others)))[:_MOST_CITATIONS]


def _distinct(lines: Iterable[Drafted]) -> list[Drafted]:
    return list({(line.section, line.text.lower()): line for line in reversed(list(lines))}.values())[::-1]


def _superseding(lines: Sequence[Drafted]) -> Iterator[Drafted]:
    """The lines; one that rests on what superseded another cites that, too."""
    earlier: dict[Citation, Citation] = {
        cited: line.citations[0] for line in lines for cited in line.superseded_by
    }
    counts = dict.fromkeys(WRITTEN, 0)
    for line in lines:
        counts[line.section] += 1
        if counts[line.section] > PER_SECTION:
            continue
        replaced = [] if line.superseded_by else [earlier[one] for one in line.citations if one in earlier]
        yield line._replace(supersedes=tuple(dict.fromkeys(replaced)))
