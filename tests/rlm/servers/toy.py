"""The server that the toy client of docs/extending.md talks to: POST /generate, on 127.0.0.1."""

from typing import Any

from tests.rlm.servers.faults import Fault
from tests.rlm.servers.models import Call, ModelServer, asked_in
from tests.rlm.servers.web import Answer, Received

GENERATE = "/generate"


class ToyServer(ModelServer):
    """One model server in the toy's protocol."""

    def is_call(self, received: Received) -> bool:
        """Requests to generate."""
        return received.path == GENERATE

    def refusal(self, status: int, message: str) -> dict[str, Any]:
        """An error in the toy's form."""
        return {"error": message}

    async def answer(self, received: Received, fault: Fault | None) -> Answer:
        """Route one request."""
        if received.path != GENERATE:
            return Answer(self.refusal(404, "no such path"), 404)
        body = received.body
        turns = sum(each["role"] == "assistant" for each in body["messages"])
        asked = asked_in(body)
        said = self.say(
            Call(body["model"], body["system"], asked, body["schema"], body["max_tokens"], received, turns),
            fault,
        )
        text = "".join(block.get("text", "") for block in said.blocks)
        stop = said.stop if said.stop in ("max_tokens", "refusal") else "end"
        return Answer({"text": text, "stop": stop, "read": said.input_tokens, "written": said.output_tokens})
