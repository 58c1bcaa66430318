"""Each client with the server that speaks its protocol."""

import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace

import pytest

from rlm.clients.options import Options
from rlm.clients.patience import Patience
from rlm.clients.protocol import Client
from rlm.clients.registry import PROVIDERS, Provider, open_client
from tests.rlm.clients import fake_agent_sdk
from tests.rlm.servers.chat import CHAT, ChatServer
from tests.rlm.servers.messages import MESSAGES, MessagesServer
from tests.rlm.servers.models import ModelServer
from tests.rlm.servers.toy import GENERATE, ToyServer

KEY = "sk-test-0123456789"
TOY = Provider("the toy of docs/extending.md", "examples.extending.toy_client:ToyClient")
# Long enough that no busy machine meets a limit of it: tests count requests.
QUICK = Patience(total=90.0, attempt=60.0, first_wait=0.01)


@dataclass
class Bench:
    """A client's name, its server, and what it was given."""

    name: str
    server: ModelServer
    path: str
    base_url: str
    patience: Patience = QUICK
    at_once: int = 50

    def open(self, **changes: object) -> Client:
        """A client; `changes` go into its options."""
        options = Options(self.base_url, KEY, self.at_once, self.patience)
        return open_client(self.name, replace(options, **changes))

    @property
    def asked(self) -> int:
        """Requests to the model that reached the server."""
        return len(self.server.requests(self.path))


def messages_bench(name: str, server: MessagesServer) -> Bench:
    """Anthropic's protocol."""
    return Bench(name, server, MESSAGES, server.url)


def chat_bench(name: str, server: ChatServer) -> Bench:
    """OpenAI's protocol."""
    return Bench(name, server, CHAT, server.url + "/v1")


def toy_bench(name: str, server: ToyServer) -> Bench:
    """The protocol of the toy in docs/extending.md."""
    return Bench(name, server, GENERATE, server.url)


_BENCHES: dict[str, tuple[Callable[[], ModelServer], Callable[..., Bench]]] = {
    "anthropic:claude-haiku-4-5": (MessagesServer, messages_bench),
    "openai:llama:8b": (ChatServer, chat_bench),
    "agent-sdk:claude-sonnet-5-5": (MessagesServer, messages_bench),
    "toy:small": (ToyServer, toy_bench),
}


@pytest.fixture(params=list(_BENCHES), ids=lambda name: name.partition(":")[0])
def bench(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Iterator[Bench]:
    """Every client that talks to a server, one after the other."""
    if request.param.startswith("openai"):
        pytest.importorskip("openai")
    monkeypatch.setitem(sys.modules, "claude_agent_sdk", fake_agent_sdk.module())
    monkeypatch.setitem(PROVIDERS, "toy", TOY)
    make_server, make_bench = _BENCHES[request.param]
    with make_server() as server:
        yield make_bench(request.param, server)


@pytest.fixture
def claude() -> Iterator[Bench]:
    """The Anthropic client alone."""
    with MessagesServer() as server:
        yield messages_bench("anthropic:claude-haiku-4-5", server)
