"""What a tool is: its arguments and result as types, whose JSON schemas agents see, and what it does."""

from collections.abc import Awaitable, Callable
from functools import partial
from typing import Annotated, Any, Generic, TypeVar

import anyio.to_thread
import msgspec

A = TypeVar("A", bound="Arguments")

Project = Annotated[
    str,
    msgspec.Meta(
        description="A project's name or the end of it. Default: the current folder's project.",
        max_length=500,
    ),
]
Author = Annotated[
    str, msgspec.Meta(description="Only this person's sessions, as results name them.", max_length=500)
]


class Arguments(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Arguments of a tool. What is not given is ""."""


class Reply(msgspec.Struct, frozen=True):
    """What a tool answers: a text for the model, and the same as a document of the tool's result type."""

    text: str
    document: msgspec.Struct


class Tool(msgspec.Struct, Generic[A], frozen=True, kw_only=True):
    """One tool.

    Attributes:
        name: what agents call.
        title: for people.
        description: when to use it and what comes back, for the model.
        arguments: the type of its arguments.
        result: the type of `Reply.document`.
        run: does it; may raise any RlmContextError.
        asks_models: whether it may send something to a model provider, and so cost money.
    """

    name: str
    title: str
    description: str
    arguments: type[A]
    result: type[msgspec.Struct]
    run: Callable[[A], Awaitable[Reply]]
    asks_models: bool = False


def threaded(work: Callable[[A], Reply]) -> Callable[[A], Awaitable[Reply]]:
    """A tool's work on a thread of its own, so that other calls are answered meanwhile."""

    async def run(arguments: A) -> Reply:
        return await anyio.to_thread.run_sync(partial(work, arguments))

    return run


def schema(kind: type[msgspec.Struct]) -> dict[str, Any]:
    """The JSON schema of a type as MCP wants it: an object at the top, the types it uses below `$defs`."""
    _, found = msgspec.json.schema_components([kind], ref_template="#/$defs/{name}")
    top = {
        name: value
        for name, value in found.pop(kind.__name__).items()
        if name not in ("title", "description")
    }
    return {**top, "$defs": found} if found else top
