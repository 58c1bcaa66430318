"""Models behind any server that speaks OpenAI's chat completions, through the package `openai` (an extra).

The package rather than own code: it is 2.4 MB of Python over libraries that are installed anyway, and its errors and
settings are those of `anthropic`, so that both share `rlm.clients.sdk`.
"""

import os
from collections.abc import Sequence
from typing import Any

from data_models.decoding import decode_json
from rlm.clients import openai_wire as wire
from rlm.clients.errors import CredentialsError, MissingExtraError
from rlm.clients.gate import Gate
from rlm.clients.headers import exhausted_for
from rlm.clients.network import check_allowed
from rlm.clients.options import CONNECT_SECONDS, Options, PerLoop
from rlm.clients.patience import answered
from rlm.clients.protocol import Completion, Request
from rlm.clients.sdk import translated
from rlm.clients.settled import all_settled
from rlm.clients.statuses import check_kind
from rlm.clients.structured import checked
from rlm.errors import ClientError


class OpenAIClient:
    """A model of OpenAI or of a compatible server. One instance may serve several event loops.

    Args:
        model: its name there.
        options: how to reach it; without them `OPENAI_BASE_URL` and `OPENAI_API_KEY`. A server of one's own needs
            no key.

    Raises:
        MissingExtraError: the package is not installed.
        CredentialsError: OpenAI's own service is meant, and there is no key.
        BlockedError: real providers are switched off.
    """

    def __init__(self, model: str, options: Options = Options()) -> None:  # noqa: B008  (frozen)
        try:
            from openai import AsyncOpenAI, Timeout
        except ImportError as error:
            raise MissingExtraError("openai") from error
        self.model = model
        self._options = options
        base_url = options.base_url or os.environ.get("OPENAI_BASE_URL")
        key = options.api_key or os.environ.get("OPENAI_API_KEY") or ("unused" if base_url else None)
        if not key:
            raise CredentialsError("no key for OpenAI's API", next_command="export OPENAI_API_KEY=…")

        def connect() -> AsyncOpenAI:
            return AsyncOpenAI(
                base_url=base_url,
                api_key=key,
                max_retries=0,
                timeout=Timeout(options.patience.attempt, connect=CONNECT_SECONDS),
            )

        sdk = connect()
        check_allowed(str(sdk.base_url))
        self._own_server = sdk.base_url.host != "api.openai.com"
        self._sdks = PerLoop(connect, sdk)
        self._gates = PerLoop(lambda: Gate(options.at_once))

    async def complete(self, request: Request) -> Completion:
        """Send one call; `rlm.clients.errors` lists what can be raised."""
        import openai

        params = wire.body(request, self.model, own_server=self._own_server)

        async def attempt() -> tuple[wire.Answer, str | None]:
            try:
                return await self._create(params)
            except Exception as error:
                raise translated(error, openai) from error

        answer, request_id = await answered(attempt, gate=self._gates.get(), patience=self._options.patience)
        return checked(answer.completion(request_id), request)

    async def count_tokens(self, request: Request) -> int:
        """An estimate, UTF-8 bytes / 4: the protocol has no way to ask."""
        return -(-request.size // 4)

    async def batch(self, requests: Sequence[Request]) -> list[Completion | ClientError]:
        """All at once, as far as the server takes them: compatible servers have no batches."""
        return await all_settled(self, requests)

    async def close(self) -> None:
        """Close the running loop's connections."""
        if sdk := self._sdks.pop():
            await sdk.close()

    async def _create(self, params: dict[str, Any]) -> tuple[wire.Answer, str | None]:
        sdk = self._sdks.get()
        response = await sdk.chat.completions.with_raw_response.create(**params)
        check_kind(sdk.base_url.host, response.headers)
        self._gates.get().pause(exhausted_for(response.headers))
        return decode_json(response.content, wire.Answer), response.headers.get("x-request-id")
