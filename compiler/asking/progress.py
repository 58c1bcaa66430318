"""How far a question is: which turn, what is being done, calls, dollars. Numbers and names, no content."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from rlm.clients.protocol import Client, Completion, Request
from rlm.clients.usage import Usage
from rlm.errors import ClientError
from rlm.prices import Price, price_of
from rlm.trajectory import Record


@dataclass(frozen=True, slots=True)
class Progress:
    """The state of a run.

    Attributes:
        turn: of the root model, from 1.
        doing: what is being done, in words.
        calls: calls of models that were answered, the root's among them; what is known already is no call.
        usd: US dollars so far, for models whose price is known.
    """

    turn: int
    doing: str
    calls: int
    usd: float


Show = Callable[[Progress], None]


class Follower:
    """Follows a run through its records and its calls.

    Args:
        show: called whenever something changed.
        prices: US dollars by model.
    """

    def __init__(self, show: Show, prices: Mapping[str, Price]) -> None:
        self._show = show
        self._prices = prices
        self._turn = 1
        self._calls = 0
        self._usd = 0.0
        self._asking: dict[str, int] = {}

    def __call__(self, record: Record) -> None:
        """Take a record of the trajectory."""
        if record["kind"] == "step" and record["run"] == 1:
            self._turn += 1
            self._tell()

    def watched(self, client: Client) -> Client:
        """The client, with its calls followed."""
        return _Watched(client, self)

    def began(self, model: str) -> None:
        """A call was sent."""
        self._asking[model] = self._asking.get(model, 0) + 1
        self._tell()

    def ended(self, model: str, usage: Usage) -> None:
        """A call ended, whatever came of it."""
        self._asking[model] -= 1
        self._calls += usage.calls
        price = price_of(model, self._prices)
        self._usd += price.cost(usage) if price else 0.0
        self._tell()

    def _tell(self) -> None:
        busy = [
            f"{count} × {model}" if count > 1 else model for model, count in self._asking.items() if count
        ]
        doing = f"waiting for {', '.join(busy)}" if busy else "running its code"
        self._show(Progress(self._turn, doing, self._calls, self._usd))


class _Watched:
    """A client whose calls are followed. See `Client` for the methods."""

    def __init__(self, client: Client, follower: Follower) -> None:
        self._client = client
        self._follower = follower

    @property
    def model(self) -> str:
        return self._client.model

    async def complete(self, request: Request) -> Completion:
        usage = Usage()
        self._follower.began(self.model)
        try:
            completion = await self._client.complete(request)
            usage = completion.usage
            return completion
        except ClientError as error:
            usage = error.usage
            raise
        finally:
            self._follower.ended(self.model, usage)

    async def count_tokens(self, request: Request) -> int:
        return await self._client.count_tokens(request)

    async def batch(self, requests: Sequence[Request]) -> list[Completion | ClientError]:
        return await self._client.batch(requests)

    async def close(self) -> None:
        await self._client.close()
