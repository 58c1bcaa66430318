"""What a model provider is to us."""

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal, Protocol, runtime_checkable

from rlm.clients.usage import Usage
from rlm.errors import ClientError

Stop = Literal["end", "max_tokens", "refusal"]
Effort = Literal["low", "medium", "high", "xhigh", "max"]


@dataclass(frozen=True, slots=True)
class Message:
    """One message of a conversation."""

    role: Literal["user", "assistant"]
    text: str


@dataclass(frozen=True, slots=True)
class Request:
    """One call. The conversation begins and ends with a message of the user.

    Attributes:
        messages: the conversation, oldest first.
        system: the fixed prefix; providers that cache prompts cache it.
        max_tokens: the most that may be written.
        schema: JSON Schema that the text must follow, or None for free text.
        effort: how much work to put into the answer; None is the model's own default. Not every model takes it.
        thinking: whether to think before the answer, within `max_tokens`; None is the model's own default.
            Thoughts are not kept. Providers without such a switch ignore it.
    """

    messages: tuple[Message, ...]
    system: str = ""
    max_tokens: int = 4096
    schema: Mapping[str, Any] | None = None
    effort: Effort | None = None
    thinking: bool | None = None

    def digest(self, model: str) -> str:
        """The identity of this call to `model`: SHA-256 of all that shapes the answer, in hex."""
        parts = [
            model,
            self.system,
            self.max_tokens,
            self.schema,
            self.effort,
            self.thinking,
            [[m.role, m.text] for m in self.messages],
        ]
        text = json.dumps(parts, sort_keys=True, separators=(",", ":"))
        return hashlib.sha256(text.encode()).hexdigest()

    @property
    def size(self) -> int:
        """UTF-8 bytes of the system prompt and all messages."""
        texts = (self.system, *(message.text for message in self.messages))
        return sum(len(text.encode("utf-8", "replace")) for text in texts)


@dataclass(frozen=True, slots=True)
class Completion:
    """A model's answer.

    Attributes:
        text: all its text blocks, joined. A document that follows the request's schema, if it has one and `stop`
            is "end".
        usage: this call's alone.
        stop: "max_tokens" is an answer cut short, "refusal" one that the model or its provider would not give.
        request_id: the provider's id of the request, if it gave one.
    """

    text: str
    usage: Usage
    stop: Stop = "end"
    request_id: str | None = None


class Client(Protocol):
    """A model of a provider. All methods may run concurrently; retries are the client's business."""

    @property
    def model(self) -> str:
        """The model's name, as the price table knows it."""
        ...

    async def complete(self, request: Request) -> Completion:
        """Send one call.

        Raises:
            ClientError: it failed for good; `rlm.clients.errors` says in which ways.
        """
        ...

    async def count_tokens(self, request: Request) -> int:
        """The input tokens of a call, as exactly as the provider tells."""
        ...

    async def batch(self, requests: Sequence[Request]) -> list[Completion | ClientError]:
        """Send many calls that are not urgent.

        Returns:
            One result a request, in their order; a call that failed is its error.
        """
        ...

    async def close(self) -> None:
        """Let go of connections. A call after it opens new ones."""
        ...


@runtime_checkable
class BatchClient(Client, Protocol):
    """A client whose provider takes batches that outlive the process: submit, keep the id, collect later."""

    async def submit(self, requests: Sequence[Request]) -> str:
        """Hand over calls that are not urgent. Equal ones are sent once.

        Returns:
            The batch's id.

        Raises:
            ClientError: it was not taken; if `lost` is set it may have been, and sending it again may pay it twice.
        """
        ...

    async def collect(self, batch_id: str) -> dict[str, Completion | ClientError] | None:
        """The results of a batch, which can be fetched again and again.

        Returns:
            Results by `Request.digest`, not checked against schemas, or None while the batch is being worked on.

        Raises:
            ClientError: the provider knows no such batch, or cannot be reached.
        """
        ...

    async def cancel(self, batch_id: str) -> None:
        """Stop a batch. What was answered by then can be collected."""
        ...

    async def submitted(self, calls: int, since: float) -> list[str]:
        """The ids of batches that the provider took, whoever submitted them: one of them may be one's own whose id
        was lost. `collect` tells, once it has ended.

        Args:
            calls: how many calls they hold.
            since: from when on they were taken (Unix seconds).

        Raises:
            ClientError: the provider cannot be reached.
        """
        ...
