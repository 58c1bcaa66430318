"""Events and statements of one session into documents: messages, windows over them, and summaries.

A message is all blocks of one utterance by one voice. People's and assistants' words are indexed whole, cut
at line ends into parts where they are long; what tools were given and gave back is clipped to its ends, where
the command, the file and the outcome stand. Thinking is left out: it says again what the text says, makes the
index half as large again, and finds no more. Windows carry no text to show: they find conversations whose
words are spread over several messages.
"""

import hashlib
import io
from collections.abc import Iterator, Sequence
from itertools import groupby

import msgspec

from data_models.events import Event
from data_models.knowledge import SessionInfo, Statement
from search.document import Document, Voice
from search.schema import BLOCK

_PART = 1_500
"""Characters of a message before it is cut into parts."""
_LONGEST_MESSAGE = 60_000
_TOOL_HEAD, _TOOL_TAIL = 600, 300
_WINDOW, _STEP = 2 * BLOCK, BLOCK
_WINDOW_SHARE = 1_200
"""Characters of each message that count in a window, so that one long message does not fill it."""

SILENT = frozenset({"context", "image", "compaction", "interrupt", "thinking"})
"""Kinds that hold nothing anyone would look for: the host's own text and markers."""


def documents_of(
    events: Sequence[Event], session: SessionInfo, statements: Sequence[Statement]
) -> Iterator[Document]:
    """The documents of one session.

    Args:
        events: the session's events in file order.
        session: whose session it is.
        statements: the cited sentences of its summary or digest; each becomes one document.
    """
    messages = list(_message_documents(events, session))
    yield from messages
    yield from windows_of(messages)
    yield from _summaries(session, messages, statements)


def windows_of(messages: Sequence[Document]) -> Iterator[Document]:
    """Overlapping windows over the messages of one session, which stand in order of their position."""
    for start in range(0, max(1, len(messages) - _WINDOW + _STEP), _STEP):
        window = messages[start : start + _WINDOW]
        if len(window) < 2:
            continue
        text = "\n".join(message.text[:_WINDOW_SHARE] for message in window)
        files = sorted({path for message in window for path in message.files})
        yield window[0]._replace(
            to_seq=window[-1].to_seq,
            kind="window",
            span=len(window),
            files=tuple(files),
            key=_key(text),
            text=text,
        )


def _messages(events: Sequence[Event]) -> Iterator[list[Event]]:
    """What one voice says in one message; its tool calls stand apart from its words."""
    spoken = (event for event in events if event.kind not in SILENT and event.text.strip())
    for _, blocks in groupby(spoken, key=lambda e: (e.subagent, _voice(e), e.message_id or e.seq)):
        yield list(blocks)


def _message_documents(events: Sequence[Event], session: SessionInfo) -> Iterator[Document]:
    position = 0
    for blocks in _messages(events):
        text = "\n".join(_searched(block) for block in blocks)[:_LONGEST_MESSAGE]
        for piece in _pieces(text):
            yield Document(
                session_id=session.session_id,
                author=session.author,
                project=session.project,
                agent=session.agent,
                from_seq=blocks[0].ref,
                to_seq=blocks[-1].ref,
                time=blocks[0].time or session.started,
                kind="message",
                voice=_voice(blocks[0]),
                position=position,
                span=1,
                files=tuple(sorted({block.file_path for block in blocks if block.file_path})),
                key=_key(piece),
                text=piece,
            )
            position += 1


def _voice(event: Event) -> Voice:
    return "tool" if event.kind == "tool_use" else event.role


def _searched(block: Event) -> str:
    if block.kind == "tool_use":
        return _clipped(f"{block.tool or ''} {_input_words(block.text)}")
    if block.role == "tool" or block.kind == "output":
        return _clipped(block.text)
    return block.text


def _input_words(text: str) -> str:
    """The values of a tool's JSON input, without its keys and escapes."""
    try:
        value = msgspec.json.decode(text)
    except (msgspec.DecodeError, UnicodeEncodeError):
        return text
    return " ".join(_strings(value))


def _strings(value: object) -> Iterator[str]:
    if isinstance(value, str):
        yield value
    elif isinstance(value, dict):
        for item in value.values():
            yield from _strings(item)
    elif isinstance(value, list):
        for item in value:
            yield from _strings(item)


def _clipped(text: str) -> str:
    if len(text) <= _TOOL_HEAD + _TOOL_TAIL:
        return text
    return f"{text[:_TOOL_HEAD]} … {text[-_TOOL_TAIL:]}"


def _pieces(text: str) -> Iterator[str]:
    """`text` cut after line ends into pieces of about `_PART` characters; a longer line is cut inside."""
    piece = ""
    for line in io.StringIO(text):
        for bit in _bits(line):
            if len(piece) + len(bit) > _PART and piece.strip():
                yield piece.strip()
                piece = ""
            piece += bit
    if piece.strip():
        yield piece.strip()


def _bits(line: str) -> Iterator[str]:
    start = 0
    while len(line) - start > _PART:
        # Behind the last space, so that no word is cut that fits.
        end = line.rfind(" ", start, start + _PART) + 1 or start + _PART
        yield line[start:end]
        start = end
    yield line[start:]


def _summaries(
    session: SessionInfo, messages: Sequence[Document], statements: Sequence[Statement]
) -> Iterator[Document]:
    places = {message.from_seq: message.position for message in reversed(messages)}
    for statement in statements:
        seqs = [cited.seq for cited in statement.citations if cited.session_id in ("", session.session_id)]
        if seqs:
            yield Document(
                session_id=session.session_id,
                author=session.author,
                project=session.project,
                agent=session.agent,
                from_seq=seqs[0],
                to_seq=seqs[-1],
                time=statement.time,
                kind="summary",
                voice="human" if statement.by == "human" else "assistant",
                position=places.get(seqs[0], 0),
                span=1,
                files=statement.files,
                key=_key(statement.text),
                text=statement.text,
            )


def _key(text: str) -> str:
    words = " ".join(text.split()).encode("utf-8", "replace")
    return hashlib.blake2b(words, digest_size=8).hexdigest()
