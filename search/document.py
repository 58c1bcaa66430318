"""What is searched: one document, and how its searched text and its storage fields relate."""

from typing import Literal, NamedTuple

DocumentKind = Literal["message", "window", "summary"]

Voice = Literal["human", "assistant", "tool", "harness"]
"""Who speaks in a document. An assistant's message that only calls tools speaks as `tool`."""


class Document(NamedTuple):
    """One searchable piece of one session.

    `from_seq` and `to_seq` are references as in `Event.ref`; `time` is Unix milliseconds, UTC (0: unknown).
    `position` counts a session's messages (and the parts of long ones) from 0; a window stands at its first
    message and covers `span` of them. `key` names the content: copies of a message in forked sessions carry
    the same key and count once. `files` are the paths the piece worked on. `text` is what is searched and,
    except in windows, what snippets are cut from.
    """

    session_id: str
    author: str
    project: str
    agent: str
    from_seq: str
    to_seq: str
    time: int
    kind: DocumentKind
    voice: Voice
    position: int
    span: int
    files: tuple[str, ...]
    key: str
    text: str
