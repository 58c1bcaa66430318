"""Clients that need no provider: for tests, examples and benchmarks. They cost nothing."""

import asyncio
from collections import deque
from collections.abc import Callable, Iterable, Sequence

from rlm.clients.protocol import Completion, Request
from rlm.clients.settled import all_settled
from rlm.clients.usage import Usage
from rlm.errors import ClientError

Reply = str | Completion | ClientError | Callable[[Request], str]


class _Scripted:
    """What both clients share: latency, token estimates (UTF-8 bytes / 4), batches, and a record of requests."""

    model: str

    def __init__(self, latency: float) -> None:
        self.latency = latency
        self.requests: list[Request] = []

    def _reply(self, request: Request) -> Reply:
        raise NotImplementedError

    async def complete(self, request: Request) -> Completion:
        """Answer after `latency` seconds."""
        self.requests.append(request)
        reply = self._reply(request)
        await asyncio.sleep(self.latency)
        if isinstance(reply, ClientError):
            raise reply
        if isinstance(reply, Completion):
            return reply
        text = reply if isinstance(reply, str) else reply(request)
        usage = Usage(1, await self.count_tokens(request), _estimate(len(text.encode())))
        return Completion(text, usage)

    async def count_tokens(self, request: Request) -> int:
        """The estimate."""
        return _estimate(request.size)

    async def batch(self, requests: Sequence[Request]) -> list[Completion | ClientError]:
        """All at once."""
        return await all_settled(self, requests)

    async def close(self) -> None:
        """Nothing to let go of."""


class QueueClient(_Scripted):
    """Gives prepared replies, in order; fails when there is none left.

    Args:
        replies: a text, a whole completion, an error to raise, or a function of the request.
        model: the name it goes by. The default one has a price: nothing.
        latency: seconds before each reply.
    """

    def __init__(self, replies: Iterable[Reply], *, model: str = "queue", latency: float = 0.0) -> None:
        super().__init__(latency)
        self.model = model
        self.replies = deque(replies)

    def _reply(self, request: Request) -> Reply:
        if not self.replies:
            return ClientError("the queue of replies is empty")
        return self.replies.popleft()


class EchoClient(_Scripted):
    """Answers with the last message of the request, shortened to `length` characters."""

    def __init__(self, *, length: int = 200, model: str = "echo", latency: float = 0.0) -> None:
        super().__init__(latency)
        self.model = model
        self.length = length

    def _reply(self, request: Request) -> Reply:
        return request.messages[-1].text[: self.length]


def _estimate(size: int) -> int:
    return -(-size // 4)
