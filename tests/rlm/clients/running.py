"""Running clients from tests that are not coroutines."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import TypeVar

from rlm.clients.protocol import Client, Message, Request

T = TypeVar("T")


def run(client: Client, work: Callable[[Client], Awaitable[T]]) -> T:
    """The result of `work` in an event loop of its own, the client closed at its end."""

    async def whole() -> T:
        try:
            return await work(client)
        finally:
            await client.close()

    return asyncio.run(whole())


def ask(text: str = "hello", **fields: object) -> Request:
    """A request of one message."""
    return Request((Message("user", text),), **fields)
