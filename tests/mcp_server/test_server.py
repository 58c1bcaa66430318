"""The server's process: what it loads, what it reaches, how it answers with models, how it ends."""

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import anyio
import pytest
from mcp import Client

from tests.mcp_server.helpers import HELLO, ROOT, call, document_of, text_of, with_client
from tests.rlm.servers.faults import Fault, always
from tests.rlm.servers.messages import MESSAGES, MessagesServer

HEAVY = {"prefect", "modal", "anthropic", "openai", "polars", "pyarrow", "pydantic_settings"}
SEARCHED = """
import asyncio, json, socket, sys

def refuse(self, address):
    raise AssertionError(f"connects to {address}")

socket.socket.connect = refuse
from rlm_context.mcp_server.serve import TOOLS
from rlm_context.mcp_server.search import SearchArguments

reply = asyncio.run(TOOLS["search_context"].run(SearchArguments(query="poll")))
print(json.dumps([len(reply.document.passages), sorted({name.partition(".")[0] for name in sys.modules})]))
"""
FINISH = """```repl
hits = search("alerts after a restart", 3)
finish("Alerts are kept in the database [s:" + hits[0]["s"] + "].")
```"""


@pytest.fixture
def models(compiled: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[MessagesServer]:
    """A provider on this machine, and settings that ask it."""
    with MessagesServer() as running:
        running.reply = lambda call: FINISH
        monkeypatch.setenv("RLM_CONTEXT_BACKEND", "model")
        monkeypatch.setenv("ANTHROPIC_BASE_URL", running.url)
        monkeypatch.setenv("ANTHROPIC_API_KEY", "sk-test-0123456789")
        yield running


def test_a_search_needs_neither_network_nor_orchestrator(compiled: Path, checkout: Path) -> None:
    """With a store elsewhere, the copy on this machine is searched: no connection, and none of the heavy libraries."""
    done = subprocess.run(
        [sys.executable, "-c", SEARCHED],
        cwd=checkout,
        env=os.environ | {"PYTHONPATH": str(ROOT), "RLM_CONTEXT_STORE": "modal://team"},
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr
    found, loaded = json.loads(done.stdout)
    assert found > 0
    assert set(loaded) & HEAVY == set()


def test_models_answer_with_citations(models: MessagesServer, checkout: Path) -> None:
    """With the backend `model`, ask returns the answer, the records it cites, and what it cost."""
    (result,) = call(checkout, ("ask", {"question": "Where is the state of alerts kept?"}))
    document = document_of(result)
    assert document["is_passages"] is False
    assert document["answer"].startswith("Alerts are kept in the database [s:")
    assert [cited["citation"] in document["answer"] for cited in document["citations"]] == [True]
    assert document["usd"] > 0
    assert document["incomplete"] == ""


def test_no_more_is_spent_than_the_call_allows(models: MessagesServer, checkout: Path) -> None:
    """max_usd = 0 sends nothing to a model; the passages come instead, saying so."""
    (result,) = call(checkout, ("ask", {"question": "Anything new?", "max_usd": 0}))
    assert models.requests(MESSAGES) == []
    assert document_of(result)["is_passages"]
    assert "not a whole answer" in text_of(result)


def test_a_cancelled_question_ends_and_the_server_goes_on(models: MessagesServer, checkout: Path) -> None:
    """While a question waits for its model others are answered; cancelled, it asks no further."""

    async def work(client: Client) -> None:
        async with anyio.create_task_group() as group:
            group.start_soon(client.call_tool, "ask", {"question": "What takes so long?"})
            with anyio.fail_after(60):
                while not models.requests(MESSAGES):
                    await client.call_tool("search_context", {"query": "poll"})
            group.cancel_scope.cancel()
        after = await client.call_tool("search_context", {"query": "poll"})
        assert not after.is_error

    models.faults = always(Fault("hang"))
    with_client(checkout, work)
    assert len(models.requests(MESSAGES)) == 1


def test_stdout_carries_nothing_but_messages(compiled: Path, checkout: Path) -> None:
    """The server ends with its input, with exit code 0, and what it wrote is JSON, a message a line."""
    done = subprocess.run(
        [sys.executable, "-m", "rlm_context", "mcp"],
        input=f"{json.dumps(HELLO)}\nno message at all\n",
        cwd=checkout,
        env=os.environ | {"PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        check=True,
        timeout=60,
    )
    answers = [json.loads(line) for line in done.stdout.splitlines()]
    assert answers[0]["id"] == 1
    assert answers[0]["result"]["serverInfo"]["name"] == "rlm-context"
    assert "Traceback" not in done.stderr


def test_a_client_that_is_killed_ends_it_quietly(compiled: Path, checkout: Path) -> None:
    """Nobody reads the answer to what was asked: that is the end of a conversation, and no bug to report."""
    server = subprocess.Popen(
        [sys.executable, "-m", "rlm_context", "mcp"],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        cwd=checkout,
        env=os.environ | {"PYTHONPATH": str(ROOT)},
    )
    assert server.stdin
    assert server.stdout
    server.stdout.close()
    server.stdin.write(f"{json.dumps(HELLO)}\n".encode())
    _, said = server.communicate(timeout=60)
    assert (server.returncode, said) == (0, b"")
    assert not (Path(os.environ["RLM_CONTEXT_HOME"]) / "logs" / "errors.log").exists()
