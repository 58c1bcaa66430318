"""Compiles whose models come from several providers: every part asks its own, counted at the servers."""

import asyncio
from collections import Counter
from collections.abc import Iterator, Mapping
from contextlib import suppress
from pathlib import Path

import pytest

from compiler.runtime import open_runtime
from flows.compile import compile_context
from tests.compiler.models.server_model import MAP, ROOT, SUB, TREE, counted, fitting
from tests.flows.helpers import Api
from tests.flows.models import PROJECT, entries, upload_chunks, use
from tests.rlm.servers.chat import ChatServer
from tests.rlm.servers.faults import Fault
from tests.rlm.servers.messages import MessagesServer
from tests.rlm.servers.models import ModelServer
from tests.rlm.servers.web import Answer, Received
from tests.waiting import PATIENCE

# Prefect leaves the connections of its threads to the garbage collector.
pytestmark = pytest.mark.filterwarnings("ignore:unclosed <socket:ResourceWarning")

SESSIONS, CHUNKS_EACH = 6, 2
AT_ONCE = 7

ANTHROPIC = {part: f"anthropic:{model}" for part, model in (("MAP", MAP), ("TREE", TREE), ("SUB", SUB))}
COMPATIBLE = {part: f"openai:local-{part.lower()}" for part in ANTHROPIC}


class CrowdedServer(MessagesServer):
    """Answers nobody until so many calls are in flight, however slowly they come."""

    def __init__(self, crowd: int) -> None:
        super().__init__()
        self._crowd, self._is_full = crowd, asyncio.Event()

    async def answer(self, received: Received, fault: Fault | None) -> Answer:
        """See `Server.answer`."""
        if self.peak >= self._crowd:
            self._is_full.set()
        with suppress(TimeoutError):  # then fewer come, and nobody waits any more
            await asyncio.wait_for(self._is_full.wait(), PATIENCE)
        self._is_full.set()
        return await super().answer(received, fault)


@pytest.fixture
def claude(monkeypatch: pytest.MonkeyPatch) -> Iterator[MessagesServer]:
    """Anthropic's protocol, at work."""
    with MessagesServer() as server:
        use(server, monkeypatch)
        yield server


@pytest.fixture
def compatible(monkeypatch: pytest.MonkeyPatch) -> Iterator[ChatServer]:
    """OpenAI's protocol, at work."""
    with ChatServer() as server:
        server.reply = fitting
        monkeypatch.setenv("OPENAI_API_KEY", "sk-test-0123456789")
        monkeypatch.setenv("OPENAI_BASE_URL", f"{server.url}/v1")
        yield server


def test_all_of_anthropic(api: Api, tmp_path: Path, claude: MessagesServer) -> None:
    """Haiku for chunks, tree and sub-calls, Sonnet for the root: each model is asked for its part only."""
    calls = compiled(tmp_path, [claude])
    assert calls[MAP] == sum(len(entry.chunks) for entry in entries(open_runtime()))
    assert calls[TREE] == SESSIONS + 1
    assert (calls[ROOT], calls[SUB]) == (2, 1)


def test_a_root_of_anthropic_over_a_compatible_server(
    api: Api,
    tmp_path: Path,
    claude: MessagesServer,
    compatible: ChatServer,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Anthropic sees the root's turns and nothing else; the other server all that is read in bulk."""
    pytest.importorskip("openai")
    name_models(COMPATIBLE, monkeypatch)
    calls = compiled(tmp_path, [claude, compatible])
    assert counted(claude.calls) == {ROOT: 2}
    assert calls["local-map"] == sum(len(entry.chunks) for entry in entries(open_runtime()))
    assert (calls["local-tree"], calls["local-sub"]) == (SESSIONS + 1, 1)


def test_the_agent_sdk_as_root(
    api: Api, tmp_path: Path, claude: MessagesServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The Agent SDK's own command line asks for the root's turns; the parts below go through the API."""
    pytest.importorskip("claude_agent_sdk", reason="the extra agent-sdk is not installed")
    name_models({"ROOT": f"agent-sdk:{ROOT}"}, monkeypatch)
    upload_chunks(tmp_path / "team", SESSIONS, CHUNKS_EACH)
    report = asyncio.run(compile_context(PROJECT))
    assert report.degraded == []
    calls = counted(claude.calls)
    assert (calls[TREE], calls[SUB]) == (SESSIONS + 1, 1)
    assert calls[ROOT] >= 2  # the command line may ask more often than it is asked


def test_as_many_calls_are_in_flight_as_allowed(
    api: Api, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Over batches of sessions of one chunk too, the provider sees `models.at_once` calls at a time and never more."""
    monkeypatch.setenv("RLM_CONTEXT_MODELS__AT_ONCE", str(AT_ONCE))
    with CrowdedServer(AT_ONCE) as server:
        server.latency = 0.1  # in which one too many would come
        use(server, monkeypatch)
        compiled(tmp_path, [server], sessions=40, chunks_each=1)
    assert server.peak == AT_ONCE


def name_models(models: Mapping[str, str], monkeypatch: pytest.MonkeyPatch) -> None:
    for part, name in models.items():
        monkeypatch.setenv(f"RLM_CONTEXT_MODELS__{part}", name)


def compiled(
    folder: Path, servers: list[ModelServer], sessions: int = SESSIONS, chunks_each: int = CHUNKS_EACH
) -> Counter[str]:
    """Compile invented sessions; the calls by model, which the report and the servers count alike."""
    upload_chunks(folder / "team", sessions, chunks_each)
    report = asyncio.run(compile_context(PROJECT))
    assert report.degraded == []
    calls = sum((counted(server.calls) for server in servers), Counter[str]())
    assert {model: used.calls for model, used in report.llm.models.items()} == calls
    return calls
