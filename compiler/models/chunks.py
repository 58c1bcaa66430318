"""The map: one chunk to a typed, cited summary.

A bad answer is asked for once more; where that or the chunk's length is no use, its halves are asked about; what is
left is read without a model, and the summary says why.
"""

import asyncio
from collections.abc import Iterator, Sequence

import msgspec

from compiler.account import Part
from compiler.chunk import event_tokens, messages
from compiler.extractive.summarize import summarize as extract
from compiler.models import fence, prompts, replies
from compiler.models.asking import NoAnswer, ask
from compiler.models.replies import ChunkReply
from compiler.models.summaries import Read, of_extract, read, summary
from data_models.events import Event
from data_models.knowledge import Chunk, ChunkSummary
from rlm.clients.protocol import Client, Message, Request
from rlm.prices import window_of

VERSION = 2
MAX_TOKENS = 6_000
"""The most that one answer may hold: 24 statements and what a model thinks before it writes them."""

_DEEPEST = 3
"""A piece is halved so often at most after a bad answer: eight pieces."""
_BYTES_A_TOKEN = 3
"""UTF-8 bytes of a token, at least: code and other scripts take more tokens than English does (4 bytes)."""


async def summarize(client: Client, chunk: Chunk, part: Part) -> ChunkSummary:
    """What one chunk says.

    Raises:
        ProviderError: no call to this provider can succeed.
        PipelineError: the provider has been failing for too long.
    """
    made = [await _read(client, chunk, events, part, _DEEPEST) for events in pieces(client.model, chunk)]
    return summary(chunk, extract(chunk), [one for reads in made for one in reads])


def requests(model: str, chunk: Chunk) -> list[Request]:
    """The calls that a chunk takes where every answer is good."""
    return [made for events in pieces(model, chunk) if (made := request(events))]


def request(events: Sequence[Event]) -> Request | None:
    """The call about these events; None where nothing was said and done in them."""
    shown = fence.of_events(events)
    if not shown:
        return None
    return Request((Message("user", shown),), prompts.MAP, MAX_TOKENS, replies.CHUNK)


def pieces(model: str, chunk: Chunk) -> Iterator[Sequence[Event]]:
    """The chunk's events, in as many pieces as the model's context window asks for."""
    yield from _fitting(window_of(model), chunk.events)


def _fitting(window: int | None, events: Sequence[Event]) -> Iterator[Sequence[Event]]:
    asked = request(events)
    parts = halves(events)
    if window is None or asked is None or asked.size / _BYTES_A_TOKEN + MAX_TOKENS <= window or not parts:
        yield events
    else:
        for half in parts:
            yield from _fitting(window, half)


def halves(events: Sequence[Event]) -> tuple[Sequence[Event], Sequence[Event]] | None:
    """The events in two parts of about equal length, cut at a message's border; None where they are one message."""
    groups = messages(events)
    if len(groups) < 2:
        return None
    sizes = [sum(map(event_tokens, group)) for group in groups]
    total, before = sum(sizes), 0
    cut = len(groups) - 1
    for index, size in enumerate(sizes[:-1], 1):
        before += size
        if before * 2 >= total:
            cut = index
            break
    first = [event for group in groups[:cut] for event in group]
    return first, [event for group in groups[cut:] for event in group]


async def _read(client: Client, chunk: Chunk, events: Sequence[Event], part: Part, deeper: int) -> list[Read]:
    """What a model says of these events, piece by piece where it cannot say it at once."""
    asked = request(events)
    if asked is None:
        return [Read()]
    piece = msgspec.structs.replace(chunk, events=tuple(events))
    try:
        answer = await ask(client, asked, ChunkReply, part)
    except NoAnswer as error:
        parts = halves(events) if error.smaller and deeper else None
        if parts is None:
            return [of_extract(extract(piece), events, error.reason)]
        both = await asyncio.gather(*(_read(client, chunk, half, part, deeper - 1) for half in parts))
        return [*both[0], *both[1]]
    return [read(answer, events, extract(piece))]
