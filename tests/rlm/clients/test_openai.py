"""What only the client of OpenAI-compatible servers does."""

import json
from collections.abc import Iterator
from typing import Any

import msgspec
import pytest
from jsonschema import Draft202012Validator

from rlm.clients.errors import ProviderError
from rlm.clients.openai_wire import Answer, body, strict
from rlm.clients.options import Options
from rlm.clients.registry import open_client
from rlm.clients.structured import rooted
from rlm.clients.usage import Usage
from tests.rlm.clients.running import ask, run
from tests.rlm.servers.chat import CHAT, ChatServer
from tests.rlm.servers.schemas import example

pytest.importorskip("openai")


class Line(msgspec.Struct):
    text: str
    seqs: list[int] = []


class Page(msgspec.Struct):
    lines: list[Line]
    title: str | None = None


@pytest.fixture
def server() -> Iterator[ChatServer]:
    with ChatServer() as server:
        yield server


def test_a_server_of_ones_own_needs_no_key(server: ChatServer, monkeypatch: pytest.MonkeyPatch) -> None:
    """The base URL of the environment is enough."""
    monkeypatch.setenv("OPENAI_BASE_URL", server.url + "/v1")
    answer = run(open_client("openai:llama"), lambda client: client.complete(ask()))
    assert answer.text == "echo: hello"
    assert answer.request_id == "req_chat"


@pytest.mark.parametrize(("own", "name"), [(True, "max_tokens"), (False, "max_completion_tokens")])
def test_the_limit_has_the_name_that_its_server_knows(own: bool, name: str) -> None:
    """OpenAI's newer models refuse max_tokens; compatible servers may know nothing else."""
    made = body(ask(max_tokens=7, effort="high"), "m", own_server=own)
    assert made[name] == 7
    assert made["reasoning_effort"] == "high"
    assert made.keys() == {"model", "messages", name, "reasoning_effort"}


def test_a_strict_schema_is_strict_and_stays_true() -> None:
    """Every object has all its properties and no others, and what follows it follows the given schema."""
    schema = msgspec.json.schema(Page)
    made = strict(rooted(schema))
    objects = [part for part in _parts(made) if "properties" in part]
    assert made["type"] == "object"
    assert {*map(str, made["$defs"])} == {"Page", "Line"}
    for part in objects:
        assert part["required"] == list(part["properties"])
        assert part["additionalProperties"] is False
    document = example(made)
    Draft202012Validator(made).validate(document)
    Draft202012Validator(schema).validate(document)


def _parts(value: Any) -> Iterator[dict[str, Any]]:
    if isinstance(value, dict):
        yield value
        value = list(value.values())
    if isinstance(value, list):
        for item in value:
            yield from _parts(item)


def test_a_property_may_be_called_properties() -> None:
    """Names of properties are not taken for words of the schema."""
    schema = {
        "type": "object",
        "properties": {"properties": {"type": "string"}, "required": {"type": "integer"}},
    }
    made = strict(schema)
    assert made["properties"] == schema["properties"]
    assert made["required"] == ["properties", "required"]


def test_cached_tokens_are_told_apart() -> None:
    """The protocol counts tokens read from a cache among the prompt's; they have another price."""
    document = {
        "choices": [{"message": {"content": "x"}, "finish_reason": "stop"}],
        "usage": {"prompt_tokens": 10, "completion_tokens": 2, "prompt_tokens_details": {"cached_tokens": 8}},
    }
    answer = msgspec.convert(document, Answer).completion(None)
    assert answer.usage == Usage(1, input_tokens=2, output_tokens=2, cache_read_tokens=8)


@pytest.mark.parametrize(
    ("message", "reason", "stop"),
    [
        ({"content": None, "refusal": "I will not"}, "stop", "refusal"),
        ({"content": ""}, "content_filter", "refusal"),
        ({"content": "half"}, "length", "max_tokens"),
        ({"content": "whole"}, None, "end"),
    ],
)
def test_reasons_to_stop(message: dict[str, Any], reason: str | None, stop: str) -> None:
    """Refusals come in two forms; servers that give no reason have finished."""
    document = {"choices": [{"message": message, "finish_reason": reason}]}
    assert msgspec.convert(document, Answer).completion(None).stop == stop


def test_a_used_up_account_is_not_tried_again(server: ChatServer) -> None:
    """`insufficient_quota` is a 429 that no waiting mends."""
    quota = {"error": {"message": "pay first", "type": "insufficient_quota", "code": "insufficient_quota"}}
    server.refusal = lambda status, message: quota  # type: ignore[method-assign]
    server.capacity = 0
    with pytest.raises(ProviderError) as caught:
        run(
            open_client("openai:gpt", Options(server.url + "/v1", "k")),
            lambda client: client.complete(ask()),
        )
    assert "pay first" in caught.value.message
    assert len(server.requests(CHAT)) == 1
    assert "k" not in json.dumps(server.received[0].headers.get("authorization", ""))
