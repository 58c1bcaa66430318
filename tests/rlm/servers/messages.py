"""Anthropic's Messages API on 127.0.0.1: messages, streams, token counts, batches.

Shapes follow the types of the package `anthropic` 2.12.
"""

import json
from collections.abc import AsyncIterator
from datetime import timedelta
from typing import Any

from tests.rlm.servers.faults import Fault
from tests.rlm.servers.models import Batch, Call, ModelServer, Said, asked_in, text_of, tokens
from tests.rlm.servers.web import Answer, Received

MESSAGES = "/v1/messages"
COUNT = "/v1/messages/count_tokens"
BATCHES = "/v1/messages/batches"

_TYPES = {
    400: "invalid_request_error",
    401: "authentication_error",
    402: "billing_error",
    403: "permission_error",
    404: "not_found_error",
    413: "request_too_large",
    429: "rate_limit_error",
    529: "overloaded_error",
}


class MessagesServer(ModelServer):
    """Attributes besides those of `ModelServer`:

    Attributes:
        polls: how often a batch is asked for before it has ended.
        done_when_canceled: so many requests of a batch have been answered when it is canceled.
        batch_faults: by position in a batch, the result's type: errored, canceled, expired; or missing.
    """

    def __init__(self) -> None:
        super().__init__()
        self.polls = 1
        self.done_when_canceled = 0
        self.batch_faults: dict[int, str] = {}
        self._batches: dict[str, Batch] = {}

    def is_call(self, received: Received) -> bool:
        """Messages, and the submission of batches."""
        return received.method == "POST" and received.path in (MESSAGES, BATCHES)

    def refusal(self, status: int, message: str) -> dict[str, Any]:
        """An error in Anthropic's form."""
        error = {"type": _TYPES.get(status, "api_error"), "message": message}
        return {"type": "error", "error": error, "request_id": "req_loopback"}

    async def answer(self, received: Received, fault: Fault | None) -> Answer:
        """Route one request."""
        if received.method == "HEAD":
            return Answer(b"")
        if not received.has_key:
            return self._error(401, "a key is missing")
        if received.path == MESSAGES:
            return self._message(received, fault)
        if received.path == COUNT:
            return Answer({"input_tokens": tokens(json.dumps(received.body))})
        if received.path.startswith(BATCHES):
            return self._batch(received)
        return self._error(404, f"no such path: {received.path}")

    def _error(self, status: int, message: str) -> Answer:
        return Answer(self.refusal(status, message), status)

    def _message(self, received: Received, fault: Fault | None) -> Answer:
        message = self._message_of(received.body, received, fault)
        if received.body.get("stream"):
            return Answer(parts=_stream(message), content_type="text/event-stream")
        return Answer(message)

    def _message_of(self, body: dict[str, Any], received: Received, fault: Fault | None) -> dict[str, Any]:
        system = body.get("system")
        marked = isinstance(system, list) and any("cache_control" in block for block in system)
        said = self.say(_call(body, received), fault, cached=marked)
        return _message(body["model"], len(self.calls), said)

    @property
    def batches(self) -> int:
        """How many batches were taken, whether or not who handed them over still heard of it."""
        return len(self._batches)

    def end_batches(self) -> None:
        """All batches have ended from now on."""
        for batch in self._batches.values():
            batch.polls = 0

    def _batch(self, received: Received) -> Answer:
        parts = received.path.removeprefix(BATCHES).strip("/").split("/")
        if received.method == "POST" and parts == [""]:
            batch = Batch(f"msgbatch_{len(self._batches)}", received.body["requests"], self.polls)
            self._batches[batch.id] = batch
            return Answer(self._state(batch))
        if parts == [""]:
            return Answer(self._listed())
        if not (batch := self._batches.get(parts[0])):  # type: ignore[assignment]
            return self._error(404, "no such batch")
        if parts[1:] == ["results"]:
            lines = "\n".join(json.dumps(line) for line in self._results(batch, received))
            return Answer(lines.encode(), content_type="application/x-jsonl")
        if parts[1:] == ["cancel"]:
            batch.canceled, batch.polls = True, 0
        else:
            batch.polls -= 1
        return Answer(self._state(batch))

    def _listed(self) -> dict[str, Any]:
        """All batches on one page, newest first."""
        states = [self._state(batch) for batch in reversed(self._batches.values())]
        ids = [state["id"] for state in states]
        return {"data": states, "has_more": False, "first_id": ids[0] if ids else None, "last_id": None}

    def _state(self, batch: Batch) -> dict[str, Any]:
        counts = dict.fromkeys(("canceled", "errored", "expired", "processing", "succeeded"), 0)
        counts["succeeded" if batch.ended else "processing"] = len(batch.requests)
        return {
            "id": batch.id,
            "type": "message_batch",
            "processing_status": "ended" if batch.ended else "in_progress",
            "request_counts": counts,
            "created_at": batch.created.isoformat(),
            "expires_at": (batch.created + timedelta(days=1)).isoformat(),
            "results_url": f"{self.url}{BATCHES}/{batch.id}/results" if batch.ended else None,
        }

    def _results(self, batch: Batch, received: Received) -> list[dict[str, Any]]:
        """Results, last request first: their order means nothing. Made once, however often they are fetched."""
        if not batch.lines:
            for position, entry in enumerate(batch.requests):
                fault = self.batch_faults.get(position, "")
                if fault == "missing":
                    continue
                canceled = batch.canceled and position >= self.done_when_canceled
                result = self._result(entry, fault, canceled, received)
                batch.lines.insert(0, {"custom_id": entry["custom_id"], "result": result})
        return batch.lines

    def _result(
        self, entry: dict[str, Any], fault: str, canceled: bool, received: Received
    ) -> dict[str, Any]:
        if fault == "errored":
            return {"type": "errored", "error": self.refusal(500, "a fault that was asked for")}
        if fault or canceled:
            return {"type": fault or "canceled"}
        return {"type": "succeeded", "message": self._message_of(entry["params"], received, None)}


def _call(body: dict[str, Any], received: Received) -> Call:
    schema = ((body.get("output_config") or {}).get("format") or {}).get("schema")
    turns = sum(message["role"] == "assistant" for message in body["messages"])
    text = asked_in(body)
    return Call(body["model"], text_of(body.get("system")), text, schema, body["max_tokens"], received, turns)


def _message(model: str, number: int, said: Said) -> dict[str, Any]:
    return {
        "id": f"msg_{number}",
        "type": "message",
        "role": "assistant",
        "model": model,
        "content": said.blocks,
        "stop_reason": said.stop,
        "stop_sequence": None,
        "usage": {
            "input_tokens": said.input_tokens,
            "cache_creation_input_tokens": said.cache_write,
            "cache_read_input_tokens": said.cache_read,
            "output_tokens": said.output_tokens,
        },
    }


async def _stream(message: dict[str, Any]) -> AsyncIterator[bytes]:
    """A message as server-sent events, its text in pieces."""
    usage = {**message["usage"], "output_tokens": 1}
    start = {**message, "content": [], "stop_reason": None, "usage": usage}
    yield _event("message_start", message=start)
    for index, block in enumerate(message["content"]):
        empty, deltas = _deltas(block)
        yield _event("content_block_start", index=index, content_block=empty)
        for delta in deltas:
            yield _event("content_block_delta", index=index, delta=delta)
        yield _event("content_block_stop", index=index)
    delta = {"stop_reason": message["stop_reason"], "stop_sequence": None}
    yield _event("message_delta", delta=delta, usage={"output_tokens": message["usage"]["output_tokens"]})
    yield _event("message_stop")


def _deltas(block: dict[str, Any]) -> tuple[dict[str, Any], list[dict[str, Any]]]:
    """The block as it starts, and the pieces that follow."""
    if block["type"] == "text":
        pieces = [block["text"][at : at + 16] for at in range(0, len(block["text"]), 16)]
        return {**block, "text": ""}, [{"type": "text_delta", "text": piece} for piece in pieces]
    if block["type"] == "tool_use":
        partial = {"type": "input_json_delta", "partial_json": json.dumps(block["input"])}
        return {**block, "input": {}}, [partial]
    deltas = [{"type": "thinking_delta", "thinking": block["thinking"]}]
    deltas.append({"type": "signature_delta", "signature": block["signature"]})
    return {"type": "thinking", "thinking": "", "signature": ""}, deltas


def _event(kind: str, **fields: Any) -> bytes:
    return f"event: {kind}\ndata: {json.dumps({'type': kind, **fields})}\n\n".encode()
