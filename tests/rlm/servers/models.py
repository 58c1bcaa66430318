"""What both model servers share: what a model is asked, and what it answers."""

import hashlib
import json
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from tests.rlm.servers.faults import Fault
from tests.rlm.servers.schemas import example
from tests.rlm.servers.web import Received, Server


@dataclass
class Call:
    """What a model is asked, in either protocol. `text` is the last message of the user."""

    model: str
    system: str
    text: str
    schema: dict[str, Any] | None
    max_tokens: int
    received: Received
    turns: int = 0


@dataclass
class Said:
    """What the model says: blocks in Anthropic's form, why it stopped, its usage."""

    blocks: list[dict[str, Any]]
    stop: str
    input_tokens: int
    output_tokens: int
    cache_read: int = 0
    cache_write: int = 0


Reply = str | list[dict[str, Any]]


def default_reply(call: Call) -> Reply:
    """A document of the schema, else an echo."""
    return json.dumps(example(call.schema)) if call.schema else f"echo: {call.text[:80]}"


class ModelServer(Server):
    """A server of models. Set `reply` to a function of the call: a text, or blocks in Anthropic's form.

    Attributes:
        calls: what models were asked, in order, whatever came of it.
        answered: how many answers were made; a fault may have kept one from arriving.
    """

    def __init__(self) -> None:
        super().__init__()
        self.calls: list[Call] = []
        self.reply: Callable[[Call], Reply] = default_reply
        self._cached: set[str] = set()

    def say(self, call: Call, fault: Fault | None, *, cached: bool = False) -> Said:
        """The model's answer to a call. Usage follows from lengths, four bytes a token.

        Args:
            call: what it was asked.
            fault: what is wrong with the content.
            cached: whether the system prompt is to be cached.
        """
        self.calls.append(call)
        blocks, stop = self._content(call, fault)
        written = tokens("".join(block.get("text", json.dumps(block)) for block in blocks))
        said = Said(blocks, stop, tokens(call.text), max(written, 1))
        key = hashlib.sha256(call.system.encode()).hexdigest()
        if not cached:
            said.input_tokens += tokens(call.system)
        elif key in self._cached:
            said.cache_read = tokens(call.system)
        else:
            self._cached.add(key)
            said.cache_write = tokens(call.system)
        return said

    def _content(self, call: Call, fault: Fault | None) -> tuple[list[dict[str, Any]], str]:
        kind = fault.kind if fault else ""
        if kind == "refusal":
            return [], "refusal"
        if kind == "empty":
            return [{"type": "thinking", "thinking": "", "signature": "c2ln"}], "end_turn"
        if kind == "invalid":
            return [{"type": "text", "text": '{"no such": "property"}'}], "end_turn"
        if kind == "prose":
            return [{"type": "text", "text": "Certainly! Here is what you asked for."}], "end_turn"
        reply = self.reply(call)
        blocks = [{"type": "text", "text": reply}] if isinstance(reply, str) else reply
        if kind == "max_tokens":
            return [{"type": "text", "text": str(blocks[0].get("text", ""))[:8]}], "max_tokens"
        tools = any(block["type"] == "tool_use" for block in blocks)
        return blocks, "tool_use" if tools else "end_turn"


def tokens(text: str) -> int:
    """An estimate: UTF-8 bytes / 4."""
    return len(text.encode("utf-8", "replace")) // 4


def text_of(content: str | list[dict[str, Any]] | None) -> str:
    """The text of a message's content, in either protocol."""
    if isinstance(content, list):
        return "".join(part.get("text", "") for part in content)
    return content or ""


def asked_in(body: dict[str, Any]) -> str:
    """The last text of the user, in either protocol. Agents put reminders of their own around it."""
    content = [each["content"] for each in body["messages"] if each["role"] == "user"][-1]
    return text_of(content[-1:] if isinstance(content, list) else content)


@dataclass
class Batch:
    """A Message Batch of the server. It ends when it was looked at `polls` times."""

    id: str
    requests: list[dict[str, Any]]
    polls: int
    lines: list[dict[str, Any]] = field(default_factory=list)
    canceled: bool = False
    created: datetime = field(default_factory=lambda: datetime.now(UTC))

    @property
    def ended(self) -> bool:
        """Whether its results stand."""
        return self.polls <= 0
