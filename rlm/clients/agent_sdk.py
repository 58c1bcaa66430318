"""Claude through the Claude Agent SDK (an extra): for who has a subscription and no API key, as the root model.

Each call starts the SDK's command line, which takes about a second. It gets no tools, no settings (so it fires no
hooks, ours least of all) and one turn, it keeps no transcript (its session must not come back as one of ours), and it
takes prompts as they are: `@path` in a transcript would otherwise make it read that file. What cannot be turned off:
its own few lines of system prompt, about 250 tokens a call; and after an answer that was cut short or empty it asks
the model again, up to three times, all of which is counted.
"""

import json
import os
import tempfile
from collections.abc import Sequence
from contextlib import aclosing
from typing import Any

import msgspec

from data_models.env import INSIDE
from rlm.clients.anthropic_wire import Tokens
from rlm.clients.errors import (
    CredentialsError,
    MissingExtraError,
    ProviderError,
    RequestError,
    TooLongError,
    TransientError,
)
from rlm.clients.gate import Gate
from rlm.clients.network import check_allowed
from rlm.clients.options import Options, PerLoop
from rlm.clients.patience import answered
from rlm.clients.protocol import Completion, Request
from rlm.clients.settled import all_settled
from rlm.clients.structured import checked
from rlm.clients.text import sendable
from rlm.errors import ClientError

_SERVICE = "https://api.anthropic.com"
_MOST_PROCESSES = 4


class AgentSDKClient:
    """A Claude model, through the Claude Agent SDK and whatever account its command line is logged in to.

    Args:
        model: its name, such as `claude-sonnet-5-5`.
        options: how to reach it. At most four calls run at once: each is a process of some 300 MB.

    Raises:
        MissingExtraError: the SDK is not installed.
        BlockedError: real providers are switched off.
    """

    def __init__(self, model: str, options: Options = Options()) -> None:  # noqa: B008  (frozen)
        try:
            import claude_agent_sdk
        except ImportError as error:
            raise MissingExtraError("agent-sdk") from error
        check_allowed(options.base_url or os.environ.get("ANTHROPIC_BASE_URL") or _SERVICE)
        self.model = model
        self._sdk: Any = claude_agent_sdk
        self._options = options
        self._gates = PerLoop(lambda: Gate(min(options.at_once, _MOST_PROCESSES)))

    async def complete(self, request: Request) -> Completion:
        """Send one call; `rlm.clients.errors` lists what can be raised."""
        completion = await answered(
            lambda: self._ask(request), gate=self._gates.get(), patience=self._options.patience
        )
        return checked(completion, request)

    async def count_tokens(self, request: Request) -> int:
        """An estimate, UTF-8 bytes / 4: the SDK has no way to ask."""
        return -(-request.size // 4)

    async def batch(self, requests: Sequence[Request]) -> list[Completion | ClientError]:
        """A few at once: the SDK has no batches."""
        return await all_settled(self, requests)

    async def close(self) -> None:
        """Nothing to let go of: each call's process ends with it."""

    async def _ask(self, request: Request) -> Completion:
        """Run the command line once."""
        sdk, result, said, fault = self._sdk, None, "", None
        query = sdk.query(prompt=sendable(prompt(request)), options=self._agent_options(request))
        try:
            async with aclosing(query) as messages:
                async for message in messages:
                    if isinstance(message, sdk.ResultMessage):
                        result = message
                    elif isinstance(message, sdk.AssistantMessage):
                        fault = message.error or fault
                        said = said or _text(message)
        except sdk.CLINotFoundError as error:
            raise MissingExtraError("agent-sdk") from error
        except sdk.ResultError:
            pass  # says what `result` says
        except sdk.ClaudeSDKError as error:
            raise TransientError(f"the agent's process failed: {type(error).__name__}", lost=True) from error
        if result is None:
            raise TransientError("the agent's process ended without a result", lost=True)
        return _completion(result, said, fault)

    def _agent_options(self, request: Request) -> Any:
        environment = {
            "CLAUDE_CODE_MAX_RETRIES": "0",  # `answered` retries
            "CLAUDE_CODE_MAX_OUTPUT_TOKENS": str(request.max_tokens),
            "CLAUDE_CODE_DISABLE_NONESSENTIAL_TRAFFIC": "1",
            INSIDE: "1",  # our own hooks do nothing in a session that we run
        }
        if self._options.base_url:
            environment["ANTHROPIC_BASE_URL"] = self._options.base_url
        if self._options.api_key:
            environment["ANTHROPIC_API_KEY"] = self._options.api_key
        return self._sdk.ClaudeAgentOptions(
            model=self.model,
            system_prompt=sendable(request.system),
            tools=[],
            setting_sources=[],
            strict_mcp_config=True,
            max_turns=1,
            verbatim_prompts=True,
            effort=request.effort,
            thinking={"type": "adaptive" if request.thinking else "disabled"},
            cwd=tempfile.gettempdir(),
            env=environment,
            extra_args={"no-session-persistence": None},
        )


def prompt(request: Request) -> str:
    """A request's conversation as one prompt: the SDK cannot be given an assistant's messages."""
    if len(request.messages) == 1:
        text = request.messages[0].text
    else:
        turns = (f"<{each.role}>\n{each.text}\n</{each.role}>" for each in request.messages)
        text = "\n".join(turns) + "\n\nWrite the next message of the assistant in this conversation."
    if request.schema is None:
        return text
    return f"{text}\n\nAnswer with one JSON document, no fence, by this JSON Schema:\n{json.dumps(request.schema)}"


def _text(message: Any) -> str:
    return "".join(getattr(block, "text", "") for block in message.content)


def _completion(result: Any, said: str, fault: str | None) -> Completion:
    """What a run of the command line came to.

    Args:
        result: its ResultMessage.
        said: the text of the model's first message.
        fault: what its messages say went wrong, an `AssistantMessageError`.
    """
    usage = msgspec.convert(result.usage or {"input_tokens": 0, "output_tokens": 0}, Tokens).usage()
    if fault == "max_output_tokens":
        return Completion(said, usage, "max_tokens")
    if result.stop_reason == "refusal":
        return Completion("", usage, "refusal")
    if result.is_error:
        raise _error(result.api_error_status, fault)
    return Completion(result.result or "", usage)


def _error(status: int | None, fault: str | None) -> ClientError:
    what = f"the provider answered {status or 'nothing'} ({fault or 'unknown'})"
    if status in (401, 403) or fault == "authentication_failed":
        return CredentialsError(what, next_command="claude auth login", status=status)
    if status in (402, 404) or fault == "billing_error":
        return ProviderError(what, next_command="rlm-context doctor", status=status)
    if status == 413:
        return TooLongError(what, status=status)
    if status == 400:
        return RequestError(what, status=status)
    return TransientError(what, status=status, lost=status is None)
