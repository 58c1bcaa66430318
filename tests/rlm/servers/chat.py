"""OpenAI's chat completions on 127.0.0.1. Shapes follow the types of the package `openai` 3.54."""

from typing import Any

from tests.rlm.servers.faults import Fault
from tests.rlm.servers.models import Call, ModelServer, Said, asked_in, text_of
from tests.rlm.servers.web import Answer, Received

CHAT = "/v1/chat/completions"

_STOPS = {"max_tokens": "length", "refusal": "content_filter"}


class ChatServer(ModelServer):
    """One model server in OpenAI's protocol. Its base URL is `url` + "/v1"."""

    def is_call(self, received: Received) -> bool:
        """Chat completions."""
        return received.path == CHAT

    def refusal(self, status: int, message: str) -> dict[str, Any]:
        """An error in OpenAI's form."""
        code = "context_length_exceeded" if status == 413 else None
        return {"error": {"message": message, "type": "error", "param": None, "code": code}}

    async def answer(self, received: Received, fault: Fault | None) -> Answer:
        """Route one request."""
        if not received.has_key:
            return Answer(self.refusal(401, "a key is missing"), 401)
        if received.path != CHAT:
            return Answer(self.refusal(404, f"no such path: {received.path}"), 404)
        said = self.say(_call(received), fault)
        return Answer(
            _completion(received.body["model"], len(self.calls), said), headers={"x-request-id": "req_chat"}
        )


def _call(received: Received) -> Call:
    body = received.body
    system = "".join(text_of(each["content"]) for each in body["messages"] if each["role"] == "system")
    schema = ((body.get("response_format") or {}).get("json_schema") or {}).get("schema")
    limit = body.get("max_tokens") or body.get("max_completion_tokens")
    turns = sum(each["role"] == "assistant" for each in body["messages"])
    text = asked_in(body)
    return Call(body["model"], system, text, schema, limit, received, turns)


def _completion(model: str, number: int, said: Said) -> dict[str, Any]:
    text = "".join(block.get("text", "") for block in said.blocks) or None
    prompt = said.input_tokens
    return {
        "id": f"chatcmpl-{number}",
        "object": "chat.completion",
        "created": 1_760_000_000,
        "model": model,
        "choices": [
            {
                "index": 0,
                "message": {"role": "assistant", "content": text, "refusal": None},
                "finish_reason": _STOPS.get(said.stop, "stop"),
            }
        ],
        "usage": {
            "prompt_tokens": prompt,
            "completion_tokens": said.output_tokens,
            "total_tokens": prompt + said.output_tokens,
            "prompt_tokens_details": {"cached_tokens": 0},
        },
    }
