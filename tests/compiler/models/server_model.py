"""A model for the loopback servers whose answers fit whatever schema a request asks for, and counts at the server.

It repeats what people and agents say in the request, with the refs and numbers that stand there, so its answers pass
every check; equal requests get equal answers.
"""

import hashlib
import json
import re
from collections import Counter
from collections.abc import Iterable
from itertools import cycle
from typing import Any, ClassVar, NamedTuple

from rlm.clients.options import Options
from rlm.clients.protocol import Completion, Request
from rlm.clients.usage import Usage
from tests.rlm.servers.models import Call, ModelServer, Reply, tokens
from tests.rlm.servers.web import Received

MAP, TREE, ROOT, SUB = (
    "claude-haiku-4-5",
    "claude-haiku-5-5",
    "claude-sonnet-5-5",
    "claude-haiku-4-5-20251001",
)
"""A model for each part of a compile, so that a server can tell the parts apart."""

_ENTRY = re.compile(r"(?m)^⟦#(\S+) (?:human|assistant) [^⟧]*⟧\n(.+)$")
_NUMBERED = re.compile(r"(?m)^(\d+)\. \([^)]*\) (.+)$")
_ITEMS = 3
"""Items of a list."""


class _Given(NamedTuple):
    """One entry or line of a request: its ref or number, and what it says."""

    ref: str
    text: str


def fitting(call: Call) -> Reply:
    """A document that fits the call's schema; code, where a recursive run asks; else an echo."""
    if call.schema:
        return json.dumps(_Document(call).of(call.schema))
    return _code(call) if "```repl" in call.system else f"echo: {call.text[:80]}"


def settings_for(server: ModelServer) -> dict[str, str]:
    """The environment that makes a process compile with the models of a loopback Messages server."""
    return {
        "ANTHROPIC_API_KEY": "sk-test-0123456789",
        "ANTHROPIC_BASE_URL": server.url,
        "RLM_CONTEXT_BACKEND": "model",
        "RLM_CONTEXT_REAL_MODELS": "0",
        "RLM_CONTEXT_MODELS__MAP": f"anthropic:{MAP}",
        "RLM_CONTEXT_MODELS__TREE": f"anthropic:{TREE}",
        "RLM_CONTEXT_MODELS__ROOT": f"anthropic:{ROOT}",
        "RLM_CONTEXT_MODELS__SUB": f"anthropic:{SUB}",
    }


def counted(calls: Iterable[Call]) -> Counter[str]:
    """Calls by model."""
    return Counter(call.model for call in calls)


def calls_of(server: ModelServer, model: str) -> list[Received]:
    """The requests to a model, whatever came of them."""
    return [each for each in list(server.received) if server.is_call(each) and each.body["model"] == model]


def request_digest(received: Received) -> str:
    """What is the same for equal requests, and differs between others."""
    return hashlib.sha256(json.dumps(received.body, sort_keys=True).encode()).hexdigest()


def asked_again(received: Iterable[Received]) -> list[Received]:
    """The requests that came once more although a whole answer to them had been sent before."""
    answered: set[str] = set()
    again = []
    for each in received:
        digest = request_digest(each)
        if digest in answered:
            again.append(each)
        if each.answered:
            answered.add(digest)
    return again


class FittingClient:
    """The same model inside this process, at once; counts its calls by model, over all instances.

    Args:
        name: `provider:model`.
        options: not looked at.
    """

    asked: ClassVar[Counter[str]] = Counter()

    def __init__(self, name: str, options: Options) -> None:
        self.model = name.partition(":")[2]

    async def complete(self, request: Request) -> Completion:
        """See `Client.complete`."""
        self.asked[self.model] += 1
        turns = len(request.messages) // 2
        received = Received(0, "POST", "", {}, None)
        schema = dict(request.schema) if request.schema else None
        text = request.messages[-1].text
        call = Call(self.model, request.system, text, schema, request.max_tokens, received, turns)
        reply = fitting(call)
        assert isinstance(reply, str)
        return Completion(reply, Usage(1, tokens(text), tokens(reply)))

    async def count_tokens(self, request: Request) -> int:
        """See `Client.count_tokens`."""
        return request.size // 4

    async def close(self) -> None:
        """Nothing to let go of."""


class _Document:
    """Makes a document for one call."""

    def __init__(self, call: Call) -> None:
        self._root = call.schema or {}
        found = [_Given(*each) for each in (_ENTRY.findall(call.text) or _NUMBERED.findall(call.text))]
        self._given = cycle(found or [_Given("1", "Nothing was said.")])
        self._now = next(self._given)
        self._kinds = int(hashlib.sha256(call.text.encode()).hexdigest(), 16)

    def of(self, schema: dict[str, Any], name: str = "") -> Any:
        """A value of the schema, for a property of this name."""
        if "$ref" in schema:
            return self.of(self._root["$defs"][schema["$ref"].rsplit("/", 1)[1]], name)
        if "enum" in schema:
            self._kinds += 1
            return schema["enum"][self._kinds % len(schema["enum"])]
        if "anyOf" in schema:
            return self.of(schema["anyOf"][0], name)
        if schema["type"] == "object":
            self._now = next(self._given)
            return {key: self.of(each, key) for key, each in schema["properties"].items()}
        if schema["type"] == "array":
            return self._list(schema, name)
        return self._now.text[:200] if schema["type"] == "string" else 3

    def _list(self, schema: dict[str, Any], name: str) -> list[Any]:
        if name == "seqs":
            return [self._now.ref]
        if name == "from":
            return [int(self._now.ref)]
        if name.startswith("superseded"):
            return []
        return [self.of(schema["items"], name) for _ in range(_ITEMS)]


_DRAFT = """```repl
rows = [row for row in context if row["of"] == "chosen by rules" and row["section"] != "Where to look"][:12]
print(llm_query("What is this about? " + rows[0]["text"]))
print(draft([{"section": row["section"], "text": row["text"], "cites": row["cites"]} for row in rows]))
```"""
_FINISH = """```repl
finish("done")
```"""


def _code(call: Call) -> str:
    """What a root model writes: a draft with a sub-call, then the end. An agent is told its turns in one prompt."""
    return _FINISH if call.turns or "<assistant>" in call.text else _DRAFT
