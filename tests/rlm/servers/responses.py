"""OpenAI's Responses API on 127.0.0.1, streamed, as the agent Codex asks for it.

Shapes follow the types of the package `openai` 3.54, and what Codex 0.169.0 sends and reads.
"""

import json
from collections.abc import AsyncIterator
from typing import Any

from tests.rlm.servers.faults import Fault
from tests.rlm.servers.models import Call, ModelServer, Said, text_of
from tests.rlm.servers.web import Answer, Received

RESPONSES = "/v1/responses"


class ResponsesServer(ModelServer):
    """One model server in this protocol. Its base URL is `url` + "/v1".

    A block of a reply that calls a tool may have a `namespace` besides; its `input` is a dict for a function, and a
    text for a tool that takes one.
    """

    def is_call(self, received: Received) -> bool:
        """Responses."""
        return received.method == "POST" and received.path == RESPONSES

    def refusal(self, status: int, message: str) -> dict[str, Any]:
        """An error in OpenAI's form."""
        return {"error": {"message": message, "type": "error", "param": None, "code": None}}

    async def answer(self, received: Received, fault: Fault | None) -> Answer:
        """Route one request."""
        if not received.has_key:
            return Answer(self.refusal(401, "a key is missing"), 401)
        if not self.is_call(received):
            return Answer(self.refusal(404, f"no such path: {received.path}"), 404)
        said = self.say(_call(received), fault)
        return Answer(parts=_stream(len(self.calls), said), content_type="text/event-stream")


def said_to(body: dict[str, Any]) -> str:
    """All texts of a request's messages, as the model reads them."""
    messages = (item for item in body["input"] if item.get("type") == "message")
    return "\n".join(text_of(message["content"]) for message in messages)


def outputs(body: dict[str, Any]) -> list[str]:
    """The results of tools in a request, in order."""
    found = [item["output"] for item in body["input"] if item.get("type", "").endswith("_call_output")]
    return [output if isinstance(output, str) else text_of(output) for output in found]


def _call(received: Received) -> Call:
    body = received.body
    messages = [item for item in body["input"] if item.get("type") == "message"]
    system = "".join(text_of(each["content"]) for each in messages if each["role"] == "developer")
    asked = [each for each in messages if each["role"] == "user"][-1]
    turns = sum(each["role"] == "assistant" for each in messages)
    return Call(
        body["model"],
        body.get("instructions", "") + system,
        text_of(asked["content"][-1:]),
        None,
        0,
        received,
        turns,
    )


def _item(block: dict[str, Any], response: str, place: int) -> dict[str, Any]:
    """A block of a reply as an item of a response."""
    if block["type"] == "text":
        content = {"type": "output_text", "text": block["text"], "annotations": []}
        return {"type": "message", "id": f"msg_{response}_{place}", "role": "assistant", "content": [content]}
    called: dict[str, Any] = {"call_id": block["id"], "name": block["name"]}
    if "namespace" in block:
        called["namespace"] = block["namespace"]
    if isinstance(block["input"], str):
        return {
            "type": "custom_tool_call",
            "id": f"ctc_{response}_{place}",
            "input": block["input"],
            **called,
        }
    arguments = json.dumps(block["input"])
    return {"type": "function_call", "id": f"fc_{response}_{place}", "arguments": arguments, **called}


async def _stream(number: int, said: Said) -> AsyncIterator[bytes]:
    """A response as server-sent events."""
    response = f"resp_{number}"
    items = [_item(block, response, place) for place, block in enumerate(said.blocks)]
    yield _event("response.created", response={"id": response})
    for place, item in enumerate(items):
        yield _event("response.output_item.added", output_index=place, item=item)
        yield _event("response.output_item.done", output_index=place, item=item)
    usage = {
        "input_tokens": said.input_tokens,
        "input_tokens_details": {"cached_tokens": 0},
        "output_tokens": said.output_tokens,
        "output_tokens_details": {"reasoning_tokens": 0},
        "total_tokens": said.input_tokens + said.output_tokens,
    }
    yield _event("response.completed", response={"id": response, "output": items, "usage": usage})


def _event(kind: str, **fields: Any) -> bytes:
    return f"event: {kind}\ndata: {json.dumps({'type': kind, **fields})}\n\n".encode()
