"""What models answer: the forms that requests ask for by JSON Schema.

The forms say what is where and no more. How long a text may be and how many there may be is seen to afterwards, so
that an answer is not thrown away, and paid again, for one word too many.
"""

from collections.abc import Mapping
from typing import Any, Literal, TypeVar

import msgspec

from rlm.clients.structured import rooted

Kind = Literal["asked", "done", "decision", "pattern", "correction", "dead_end", "fix", "open_item"]

T = TypeVar("T")


class ChunkStatement(msgspec.Struct, frozen=True):
    """One sentence about a chunk, and the refs of the entries that it rests on."""

    kind: Kind
    text: str
    seqs: list[str]
    importance: int


class ChunkReply(msgspec.Struct, frozen=True):
    """What the map is answered."""

    title: str
    statements: list[ChunkStatement]
    terms: list[str]


class Joined(msgspec.Struct, frozen=True):
    """One sentence that takes the place of the statements with these numbers."""

    kind: Kind
    text: str
    numbers: list[int] = msgspec.field(name="from")
    importance: int


class Superseded(msgspec.Struct, frozen=True):
    """The number of a statement that does not hold any more, and of the one that took its place."""

    number: int
    by: int


class RollupReply(msgspec.Struct, frozen=True):
    """What a rollup is answered."""

    title: str
    statements: list[Joined]
    superseded: list[Superseded]


class Headline(msgspec.Struct, frozen=True):
    """What a session was about and what came of it, and the numbers of the statements that say so."""

    text: str
    numbers: list[int] = msgspec.field(name="from")


class DigestReply(RollupReply, frozen=True):
    """What a session digest is answered."""

    headline: Headline


def schema(form: type[msgspec.Struct]) -> Mapping[str, Any]:
    """The JSON Schema of a form, as `Request.schema` takes it."""
    return rooted(msgspec.json.schema(form))


CHUNK = schema(ChunkReply)
DIGEST = schema(DigestReply)
ROLLUP = schema(RollupReply)
