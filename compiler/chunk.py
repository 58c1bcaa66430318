"""Cuts a session's events into chunks: consecutive whole turns of bounded size, content-addressed."""

import hashlib
from collections.abc import Iterable, Iterator, Sequence
from itertools import groupby

import msgspec

from data_models.events import Event
from data_models.knowledge import Chunk

CHUNK_VERSION = 2
EVENT_CLIP = 4_000
"""Bytes of one tool result that count towards a chunk's size: nobody summarises more of a log than that."""
TEXT_CLIP = 40_000
"""The same of any other event: what people and agents write is shorter, and what is longer was pasted."""

_TURN_STARTS = frozenset({"prompt", "command", "shell"})
_encoder = msgspec.msgpack.Encoder()


def chunk_session(session_id: str, events: Sequence[Event], chunk_tokens: int) -> list[Chunk]:
    """The chunks of one session, in order; every event is in exactly one.

    Args:
        session_id: the session.
        events: all its events, in file order (the main file's, then each subagent's).
        chunk_tokens: upper bound of a chunk in estimated tokens (UTF-8 bytes / 4). Only a single message can
            exceed it.
    """
    chunks: list[Chunk] = []
    for group in _packed(_pieces(events, chunk_tokens), chunk_tokens):
        chunks.append(_chunk(session_id, len(chunks), group))
    return chunks


def event_tokens(event: Event) -> int:
    """Estimated tokens of an event as a summariser reads it."""
    size = len(event.text) if event.text.isascii() else len(event.text.encode("utf-8", "replace"))
    return min(size, clip_of(event)) // 4 + 1


def clip_of(event: Event) -> int:
    """The most bytes of an event that a summariser reads."""
    return EVENT_CLIP if event.kind == "tool_result" else TEXT_CLIP


def turns(events: Sequence[Event]) -> Iterator[list[Event]]:
    """A human prompt and all that follows until the next; a subagent's file starts a turn of its own."""
    turn: list[Event] = []
    for event in events:
        starts = event.kind in _TURN_STARTS and (not turn or turn[-1].seq != event.seq)
        if turn and (starts or event.subagent != turn[-1].subagent):
            yield turn
            turn = []
        turn.append(event)
    if turn:
        yield turn


def _pieces(events: Sequence[Event], limit: int) -> Iterator[tuple[list[Event], int]]:
    """Turns with their tokens; a turn over the limit comes in parts, cut at message borders."""
    for turn in turns(events):
        tokens = sum(map(event_tokens, turn))
        if tokens <= limit:
            yield turn, tokens
        else:
            sized = ((message, sum(map(event_tokens, message))) for message in messages(turn))
            yield from _packed_with_size(sized, limit)


def messages(events: Iterable[Event]) -> list[list[Event]]:
    """The messages, in order: the blocks of one utterance belong together."""
    return [list(blocks) for _, blocks in groupby(events, key=_message)]


def _message(event: Event) -> object:
    return event.message_id or event.ref


def _packed(pieces: Iterator[tuple[list[Event], int]], limit: int) -> Iterator[list[Event]]:
    return (events for events, _ in _packed_with_size(pieces, limit))


def _packed_with_size(
    pieces: Iterator[tuple[list[Event], int]], limit: int
) -> Iterator[tuple[list[Event], int]]:
    """Neighbouring pieces joined greedily up to the limit."""
    group: list[Event] = []
    total = 0
    for piece, tokens in pieces:
        if group and total + tokens > limit:
            yield group, total
            group, total = [], 0
        group = group + piece if group else piece
        total += tokens
    if group:
        yield group, total


def _chunk(session_id: str, index: int, events: list[Event]) -> Chunk:
    content = [(e.ref, e.block, e.role, e.kind, e.text, e.tool, e.file_path, e.is_error) for e in events]
    digest = hashlib.sha256(_encoder.encode((CHUNK_VERSION, content)))
    tokens = sum(map(event_tokens, events))
    return Chunk(digest.hexdigest(), session_id, index, events[0].ref, events[-1].ref, tokens, tuple(events))
