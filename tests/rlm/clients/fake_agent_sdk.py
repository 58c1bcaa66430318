"""Stands in for the package claude_agent_sdk, which brings a command line of 364 MB.

Its `query` sends one request to the Messages server instead of starting that, and reports what comes of it as
claude-agent-sdk 0.2.187 with Claude Code 2.1.330 was seen to do. The real one sends some requests two or three times
(errors 400 and 404, refusals, empty answers), so only the fake can be held to exact counts.
"""

from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from types import ModuleType
from typing import Any

import httpx2

_ERRORS = {401: "authentication_failed", 402: "billing_error", 429: "rate_limit", 400: "invalid_request"}


@dataclass
class TextBlock:
    text: str


@dataclass
class AssistantMessage:
    content: list[TextBlock]
    error: str | None = None


@dataclass
class ResultMessage:
    is_error: bool
    stop_reason: str | None
    usage: dict[str, Any] | None
    result: str | None = None
    api_error_status: int | None = None


@dataclass
class ClaudeAgentOptions:
    model: str
    system_prompt: str
    tools: list[str]
    setting_sources: list[str]
    strict_mcp_config: bool
    max_turns: int
    verbatim_prompts: bool
    effort: str | None
    thinking: dict[str, str]
    cwd: str
    env: dict[str, str]
    extra_args: dict[str, str | None] = field(default_factory=dict)


class ClaudeSDKError(Exception):
    pass


class CLINotFoundError(ClaudeSDKError):
    pass


class ResultError(ClaudeSDKError):
    pass


async def query(*, prompt: str, options: ClaudeAgentOptions) -> AsyncIterator[Any]:
    """One request, as the command line would send it, without a stream."""
    body = {
        "model": options.model,
        "system": options.system_prompt,
        "max_tokens": int(options.env["CLAUDE_CODE_MAX_OUTPUT_TOKENS"]),
        "messages": [{"role": "user", "content": prompt}],
    }
    try:
        status, answer = await _post(options.env, body)
    except (httpx2.TransportError, ValueError):
        status, answer = None, {}
    if status != 200:
        yield AssistantMessage([TextBlock("API Error")], _ERRORS.get(status or 0, "server_error"))
        yield ResultMessage(True, "stop_sequence", _usage(0, 0), "API Error", status)
        raise ResultError("the command line returned an error result")
    texts = [TextBlock(block["text"]) for block in answer["content"] if block["type"] == "text"]
    yield AssistantMessage(texts)
    if answer["stop_reason"] == "max_tokens":
        yield AssistantMessage([TextBlock("API Error")], "max_output_tokens")
        yield ResultMessage(True, "stop_sequence", answer["usage"], "API Error")
        raise ResultError("the command line returned an error result")
    text = "".join(block.text for block in texts)
    yield ResultMessage(answer["stop_reason"] == "refusal", answer["stop_reason"], answer["usage"], text)


def _usage(read: int, written: int) -> dict[str, int]:
    return {"input_tokens": read, "output_tokens": written}


async def _post(environment: dict[str, str], body: dict[str, Any]) -> tuple[int, dict[str, Any]]:
    headers = {"x-api-key": environment["ANTHROPIC_API_KEY"]}
    async with httpx2.AsyncClient(headers=headers, timeout=None) as client:  # its caller has a limit
        response = await client.post(f"{environment['ANTHROPIC_BASE_URL']}/v1/messages?beta=true", json=body)
        return response.status_code, response.json()


def module() -> ModuleType:
    """All of it as the module `claude_agent_sdk`."""
    made = ModuleType("claude_agent_sdk")
    for each in (
        TextBlock,
        AssistantMessage,
        ResultMessage,
        ClaudeAgentOptions,
        ClaudeSDKError,
        CLINotFoundError,
        ResultError,
        query,
    ):
        setattr(made, each.__name__, each)
    return made
