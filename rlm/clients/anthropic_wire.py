"""Anthropic's Messages API: our requests in its form, its answers in ours.

The form is that of the package `anthropic` 2.12 (`types/message_create_params.py`, `types/message.py`). It has no
temperature. Answers are validated here and nowhere else.
"""

from collections.abc import Callable
from typing import Any

import msgspec

from rlm.clients.protocol import Completion, Request, Stop
from rlm.clients.structured import rooted
from rlm.clients.text import sendable
from rlm.clients.usage import Usage

Fit = Callable[[dict[str, Any]], dict[str, Any]]
"""Makes a JSON Schema one that the API takes: `anthropic.transform_schema`."""

_STOPS: dict[str | None, Stop] = {
    "max_tokens": "max_tokens",
    "model_context_window_exceeded": "max_tokens",
    "refusal": "refusal",
}


class _Block(msgspec.Struct):
    """One block of an answer. Only those of type `text` have a text that is for the user."""

    type: str
    text: str = ""


class Tokens(msgspec.Struct):
    """Tokens of an answer. `input_tokens` leaves out what was read from the cache or written to it."""

    input_tokens: int
    output_tokens: int
    cache_creation_input_tokens: int | None = None
    cache_read_input_tokens: int | None = None

    def usage(self) -> Usage:
        """The same of one call, in our form."""
        return Usage(
            1,
            self.input_tokens,
            self.output_tokens,
            self.cache_read_input_tokens or 0,
            self.cache_creation_input_tokens or 0,
        )


class Answer(msgspec.Struct):
    """A message, as far as we use it. Every answer that is complete has a stop reason."""

    content: list[_Block]
    stop_reason: str
    usage: Tokens

    def completion(self, request_id: str | None) -> Completion:
        """The answer in our form: all its text blocks joined; thoughts are left out, and it may be empty."""
        text = "".join(block.text for block in self.content if block.type == "text")
        return Completion(text, self.usage.usage(), _STOPS.get(self.stop_reason, "end"), request_id)


def body(request: Request, model: str, fit: Fit) -> dict[str, Any]:
    """The parameters of `messages.create` for a request, without `stream`."""
    return {**prompt(request, model, fit), "max_tokens": request.max_tokens}


def prompt(request: Request, model: str, fit: Fit) -> dict[str, Any]:
    """The part of the parameters that counts as input; `messages.count_tokens` takes it too.

    The system prompt is cached, since many requests begin with it. A conversation is cached up to its last message
    from its second turn on, since its next turn begins with it; a single message never is, because writing to the
    cache costs more than reading.
    """
    params: dict[str, Any] = {"model": model, "messages": _messages(request)}
    if request.system:
        params["system"] = [_cached(request.system)]
    if request.thinking is not None:
        params["thinking"] = _thinking(request.thinking)
    if config := _output_config(request, fit):
        params["output_config"] = config
    return params


def _messages(request: Request) -> list[dict[str, Any]]:
    *before, last = request.messages
    messages: list[dict[str, Any]] = [{"role": each.role, "content": sendable(each.text)} for each in before]
    content = [_cached(last.text)] if before else sendable(last.text)
    return [*messages, {"role": last.role, "content": content}]


def _cached(text: str) -> dict[str, Any]:
    """A block of text up to whose end the provider caches."""
    return {"type": "text", "text": sendable(text), "cache_control": {"type": "ephemeral"}}


def _thinking(on: bool) -> dict[str, str]:
    return {"type": "adaptive", "display": "omitted"} if on else {"type": "disabled"}


def _output_config(request: Request, fit: Fit) -> dict[str, Any]:
    config: dict[str, Any] = {}
    if request.effort:
        config["effort"] = request.effort
    if request.schema is not None:
        config["format"] = {"type": "json_schema", "schema": fit(rooted(request.schema))}
    return config
