"""A Messages server that adds up what it would charge."""

from rlm.clients.usage import Usage
from rlm.prices import PRICES, price_of
from tests.rlm.servers.faults import Fault
from tests.rlm.servers.messages import BATCHES, MessagesServer
from tests.rlm.servers.models import Call, Said


class PricedServer(MessagesServer):
    """Attributes besides those of `MessagesServer`:

    Attributes:
        usd: US dollars for every answer that was made, at the prices of our table, half in batches.
        said: call and answer, in order.
    """

    def __init__(self) -> None:
        super().__init__()
        self.usd = 0.0
        self.said: list[tuple[Call, Said]] = []

    def say(self, call: Call, fault: Fault | None, *, cached: bool = False) -> Said:
        """See `ModelServer.say`."""
        said = super().say(call, fault, cached=cached)
        self.said.append((call, said))
        price = price_of(call.model, PRICES)
        if price:
            used = Usage(1, said.input_tokens, said.output_tokens, said.cache_read, said.cache_write)
            self.usd += price.cost(used) * (0.5 if call.received.path.startswith(BATCHES) else 1)
        return said

    def read_by(self, model: str) -> int:
        """Tokens that a model read, wherever they came from."""
        mine = [said for call, said in self.said if call.model == model]
        return sum(said.input_tokens + said.cache_read + said.cache_write for said in mine)
