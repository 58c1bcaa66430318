"""A client: a server that answers POST /generate, in a protocol of its own."""

import json
import os
from collections.abc import Sequence
from typing import Any

import httpx2

from rlm.clients.errors import TransientError
from rlm.clients.gate import Gate
from rlm.clients.network import check_allowed
from rlm.clients.options import Options, PerLoop
from rlm.clients.patience import answered
from rlm.clients.protocol import Completion, Request
from rlm.clients.settled import all_settled
from rlm.clients.statuses import check_kind, error_of
from rlm.clients.structured import checked, rooted
from rlm.clients.text import sendable
from rlm.clients.usage import Usage
from rlm.errors import ClientError


class ToyClient:
    def __init__(self, model: str, options: Options = Options()) -> None:  # noqa: B008  (frozen)
        self.model, self._patience = model, options.patience
        check_allowed(url := options.base_url or os.environ["TOY_BASE_URL"])
        key = {"authorization": f"Bearer {options.api_key}"}
        self._https = PerLoop(lambda: httpx2.AsyncClient(base_url=url, headers=key, timeout=None))
        self._gates = PerLoop(lambda: Gate(options.at_once))

    async def complete(self, request: Request) -> Completion:
        said = [{"role": each.role, "content": sendable(each.text)} for each in request.messages]
        body = {"model": self.model, "system": sendable(request.system), "messages": said}
        body |= {"max_tokens": request.max_tokens, "schema": request.schema and rooted(request.schema)}
        reply = await answered(lambda: self._ask(body), gate=self._gates.get(), patience=self._patience)
        usage = Usage(calls=1, input_tokens=reply["read"], output_tokens=reply["written"])
        return checked(Completion(reply["text"], usage, reply["stop"]), request)

    async def _ask(self, body: dict[str, Any]) -> Any:
        try:
            response = await self._https.get().post("/generate", content=json.dumps(body))
            if response.is_error:
                raise error_of(response.status_code, response.headers)
            check_kind(response.url.host, response.headers)
            return response.json()
        except (httpx2.TransportError, ValueError) as error:
            lost = not isinstance(error, httpx2.ConnectError)
            raise TransientError("no answer from the toy", lost=lost) from error

    async def count_tokens(self, request: Request) -> int:
        return -(-request.size // 4)  # an estimate

    async def batch(self, requests: Sequence[Request]) -> list[Completion | ClientError]:
        return await all_settled(self, requests)

    async def close(self) -> None:
        if client := self._https.pop():
            await client.aclose()
