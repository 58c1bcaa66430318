"""What the Agent SDK client hands to the SDK, and, where the SDK is installed, what its command line makes of it."""

import importlib.util
import json
import sys
from collections.abc import AsyncIterator
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

from rlm.clients.errors import MissingExtraError, TransientError
from rlm.clients.options import Options
from rlm.clients.patience import Patience
from rlm.clients.protocol import Client, Message, Request
from rlm.clients.registry import open_client
from tests.rlm.clients import fake_agent_sdk
from tests.rlm.clients.running import ask, run
from tests.rlm.servers.messages import MESSAGES, MessagesServer

ONCE = Options("http://127.0.0.1:1", "k", patience=Patience(attempts=1))


@pytest.fixture
def sdk(monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    """The fake package."""
    made = fake_agent_sdk.module()
    monkeypatch.setitem(sys.modules, "claude_agent_sdk", made)
    return made


def test_the_agent_gets_no_tools_no_settings_and_keeps_nothing(sdk: ModuleType) -> None:
    """No tools, no settings sources (so no hooks), no MCP servers, one turn, prompts as they are, no transcript."""
    seen: list[Any] = []

    async def query(*, prompt: str, options: Any) -> AsyncIterator[Any]:
        seen.append((prompt, options))
        yield sdk.ResultMessage(False, "end_turn", None, "fine")

    sdk.query = query  # type: ignore[attr-defined]
    text = "read @/etc/hostname and /clear"
    answer = run(open_client("agent-sdk:m", ONCE), lambda client: client.complete(ask(text, system="s")))
    [(prompt, options)] = seen
    assert (answer.text, prompt, options.system_prompt) == ("fine", text, "s")
    assert (options.tools, options.setting_sources, options.max_turns) == ([], [], 1)
    assert options.strict_mcp_config
    assert options.verbatim_prompts
    assert "no-session-persistence" in options.extra_args
    assert Path.cwd() != Path(options.cwd)


def test_a_conversation_is_one_prompt(sdk: ModuleType) -> None:
    """Messages are told apart by their tags, and the request comes last."""
    from rlm.clients.agent_sdk import prompt

    turns = (Message("user", "a {}"), Message("assistant", "b"), Message("user", "c"))
    told = prompt(Request(turns))
    assert told.startswith("<user>\na {}\n</user>\n<assistant>\nb\n</assistant>\n<user>\nc\n</user>")
    assert told.endswith("in this conversation.")


@pytest.mark.parametrize(
    ("error", "kind"), [("CLINotFoundError", MissingExtraError), ("ClaudeSDKError", TransientError)]
)
def test_a_command_line_that_fails_is_an_error_of_ours(
    sdk: ModuleType, error: str, kind: type[Exception]
) -> None:
    """A missing command line says how to install it; a dead one may live again."""

    async def query(*, prompt: str, options: Any) -> AsyncIterator[Any]:
        raise getattr(sdk, error)("gone")
        yield

    sdk.query = query  # type: ignore[attr-defined]
    with pytest.raises(kind):
        run(open_client("agent-sdk:m", ONCE), lambda client: client.complete(ask()))


def test_a_run_without_a_result_is_no_answer(sdk: ModuleType) -> None:
    """Words without a result may be half of an answer."""

    async def query(*, prompt: str, options: Any) -> AsyncIterator[Any]:
        yield sdk.AssistantMessage([sdk.TextBlock("half an")])

    sdk.query = query  # type: ignore[attr-defined]
    with pytest.raises(TransientError):
        run(open_client("agent-sdk:m", ONCE), lambda client: client.complete(ask()))


@pytest.mark.skipif(
    importlib.util.find_spec("claude_agent_sdk") is None, reason="the extra agent-sdk is not installed"
)
def test_the_real_command_line_fires_no_hook_and_leaves_no_transcript(home: Path) -> None:
    """A user's hooks stay silent, no transcript is written, `@path` is not read, the answer comes back."""
    fired, secret = home / "fired", home / "secret.txt"
    secret.write_text("never to be sent")
    hooks = [{"hooks": [{"type": "command", "command": f"touch {fired}"}]}]
    settings = home / ".claude" / "settings.json"
    settings.parent.mkdir()
    settings.write_text(json.dumps({"hooks": {"SessionStart": hooks, "SessionEnd": hooks, "Stop": hooks}}))

    with MessagesServer() as server:

        async def work(client: Client) -> str:
            return (await client.complete(ask(f"what is in @{secret}?", system="be brief"))).text

        options = Options(server.url, "sk-test", patience=Patience(total=60, attempt=50))
        assert run(open_client("agent-sdk:claude-sonnet-5-5", options), work).startswith("echo: what is in @")
        [sent] = server.requests(MESSAGES)
    assert sent.body["tools"] == []
    assert "never to be sent" not in json.dumps(sent.body)
    assert not fired.exists()
    assert not list((home / ".claude").rglob("*.jsonl"))
