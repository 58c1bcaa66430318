"""What one call of the map is about: a chunk, or a part of it, and all that is read in it without a model."""

from collections.abc import Iterator, Sequence
from functools import cached_property

import msgspec

from compiler.chunk import event_tokens, messages
from compiler.extractive.summarize import summarize
from compiler.models import fence, prompts, replies
from compiler.models.evidence import Record
from data_models.events import Event
from data_models.knowledge import Chunk, ChunkSummary
from rlm.clients.protocol import Message, Request
from rlm.prices import window_of

MAX_TOKENS = 6_000
"""The most that one answer may hold: 24 statements and what a model thinks before it writes them."""

_BYTES_A_TOKEN = 3
"""UTF-8 bytes of a token, at least: code and other scripts take more tokens than English does (4 bytes)."""


class Piece:
    """Events of a chunk. What is made of them is made when first asked for, and once.

    Args:
        chunk: the events.
    """

    def __init__(self, chunk: Chunk) -> None:
        self.chunk = chunk
        self.events = chunk.events

    @cached_property
    def request(self) -> Request | None:
        """The call about these events; None where nothing was said and done in them."""
        shown = fence.of_events(self.events)
        if not shown:
            return None
        return Request((Message("user", shown),), prompts.MAP, MAX_TOKENS, replies.CHUNK)

    @cached_property
    def extract(self) -> ChunkSummary:
        """What the extractive backend reads in the events."""
        return summarize(self.chunk)

    @cached_property
    def record(self) -> Record:
        """The events as evidence; pull requests made in them are known."""
        return Record(self.events, (commit.ref for commit in self.extract.commits))

    def fitting(self, model: str) -> Iterator["Piece"]:
        """The same in as many pieces as the model's context window asks for."""
        halves = None if self._fits(window_of(model)) else self.halves()
        if halves is None:
            yield self
            return
        for half in halves:
            yield from half.fitting(model)

    def halves(self) -> "tuple[Piece, Piece] | None":
        """The events in two parts of about equal length, cut at a message's border; None where they are one message."""
        groups = messages(self.events)
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
        return self._part(groups[:cut]), self._part(groups[cut:])

    def _fits(self, window: int | None) -> bool:
        if window is None or self.request is None:
            return True
        return self.request.size / _BYTES_A_TOKEN + MAX_TOKENS <= window

    def _part(self, groups: Sequence[Sequence[Event]]) -> "Piece":
        events = tuple(event for group in groups for event in group)
        return Piece(msgspec.structs.replace(self.chunk, events=events))
