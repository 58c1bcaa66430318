"""OpenAI's chat completions: our requests in its form, its answers in ours. Answers are validated here only."""

from collections.abc import Mapping
from typing import Any

import msgspec

from rlm.clients.protocol import Completion, Request, Stop
from rlm.clients.structured import rooted
from rlm.clients.text import sendable
from rlm.clients.usage import Usage

_STOPS: dict[str | None, Stop] = {"length": "max_tokens", "content_filter": "refusal"}


class _Message(msgspec.Struct):
    content: str | None = None
    refusal: str | None = None


class _Choice(msgspec.Struct):
    message: _Message
    finish_reason: str | None = None


class _Cached(msgspec.Struct):
    cached_tokens: int | None = None


class _Tokens(msgspec.Struct):
    """Usage. `prompt_tokens` contains those that were read from a cache."""

    prompt_tokens: int = 0
    completion_tokens: int = 0
    prompt_tokens_details: _Cached | None = None


class Answer(msgspec.Struct):
    """A chat completion, as far as we use it. Some servers leave usage out."""

    choices: list[_Choice]
    usage: _Tokens | None = None

    def completion(self, request_id: str | None) -> Completion:
        """The answer in our form; it may be empty."""
        choice = self.choices[0] if self.choices else _Choice(_Message())
        tokens = self.usage or _Tokens()
        cached = (tokens.prompt_tokens_details and tokens.prompt_tokens_details.cached_tokens) or 0
        usage = Usage(1, tokens.prompt_tokens - cached, tokens.completion_tokens, cached)
        stop = "refusal" if choice.message.refusal else _STOPS.get(choice.finish_reason, "end")
        return Completion(choice.message.content or "", usage, stop, request_id)


def body(request: Request, model: str, *, own_server: bool) -> dict[str, Any]:
    """The parameters of `chat.completions.create` for a request.

    Args:
        request: the request.
        model: the model's name.
        own_server: whether it goes to a compatible server; those take `max_tokens`, which OpenAI's newer models
            refuse in favour of `max_completion_tokens`.
    """
    system = [{"role": "system", "content": sendable(request.system)}] if request.system else []
    messages = [{"role": each.role, "content": sendable(each.text)} for each in request.messages]
    limit = "max_tokens" if own_server else "max_completion_tokens"
    params: dict[str, Any] = {"model": model, "messages": system + messages, limit: request.max_tokens}
    if request.effort:
        params["reasoning_effort"] = request.effort
    if request.schema is not None:
        form = {"name": "answer", "schema": strict(rooted(request.schema)), "strict": True}
        params["response_format"] = {"type": "json_schema", "json_schema": form}
    return params


def strict(schema: Mapping[str, Any]) -> dict[str, Any]:
    """`schema` as the protocol's strict mode wants it: objects have all their properties and no others.

    What follows the strict schema follows the given one too.
    """
    made = {key: _strict_value(key, value) for key, value in schema.items()}
    if "properties" in made:
        made["required"] = list(made["properties"])
        made["additionalProperties"] = False
    return made


def _strict_value(key: str, value: Any) -> Any:
    """The value of one keyword; schemas are looked for only where keywords have them."""
    if key in ("properties", "$defs"):
        return {name: strict(part) for name, part in value.items()}
    if key in ("anyOf", "oneOf", "allOf"):
        return [strict(part) for part in value]
    return strict(value) if key == "items" else value
