"""Claude, through Anthropic's own package. The only module that imports it, and only when a client is used."""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any, TypeVar

import msgspec

from rlm.clients import anthropic_wire as wire
from rlm.clients.errors import CredentialsError, ReplyError, RequestError, TransientError
from rlm.clients.gate import Gate
from rlm.clients.headers import exhausted_for
from rlm.clients.network import check_allowed
from rlm.clients.options import CONNECT_SECONDS, Options, PerLoop
from rlm.clients.patience import Patience, answered
from rlm.clients.protocol import Completion, Request
from rlm.clients.sdk import translated
from rlm.clients.statuses import check_kind
from rlm.clients.structured import checked
from rlm.errors import ClientError

if TYPE_CHECKING:
    from anthropic import AsyncAnthropic
    from anthropic.types.messages import MessageBatchRequestCounts

T = TypeVar("T")

# Longer answers come as a stream: a silent connection would be cut on the way.
_STREAMED_FROM = 8_192
_LONGEST_POLL = 60.0  # seconds


class AnthropicClient:
    """A Claude model. One instance may serve several event loops; connections are not shared between them.

    Args:
        model: its name, such as `claude-haiku-4-5`.
        options: how to reach it. Without a key the package looks for one as it always does: `ANTHROPIC_API_KEY`, …

    Raises:
        CredentialsError: there is no key.
        BlockedError: real providers are switched off.
    """

    def __init__(self, model: str, options: Options = Options()) -> None:  # noqa: B008  (frozen)
        self.model = model
        self._options = options
        sdk = self._open()
        check_allowed(str(sdk.base_url))
        if not (sdk.api_key or sdk.auth_token or sdk.credentials):
            raise CredentialsError("no key for Anthropic's API", next_command="export ANTHROPIC_API_KEY=…")
        self._sdks = PerLoop(self._open, sdk)
        self._gates = PerLoop(lambda: Gate(options.at_once))

    async def complete(self, request: Request) -> Completion:
        """Send one call; `rlm.clients.errors` lists what can be raised."""
        params = self._body(request)
        if request.max_tokens > _STREAMED_FROM:
            # A stream that goes on is alive: only silence ends an attempt at it.
            patience = replace(self._options.patience, attempt=self._options.patience.total)
            answer, request_id = await self._answered(lambda sdk: self._stream(sdk, params), patience)
        else:
            answer, request_id = await self._answered(lambda sdk: self._create(sdk, params))
        return checked(answer.completion(request_id), request)

    async def count_tokens(self, request: Request) -> int:
        """The input tokens of a call, counted by the provider; costs nothing."""
        from anthropic import transform_schema

        params = wire.prompt(request, self.model, transform_schema)
        counted = await self._answered(lambda sdk: sdk.messages.count_tokens(**params))
        return counted.input_tokens

    async def batch(self, requests: Sequence[Request]) -> list[Completion | ClientError]:
        """Submit, wait and collect: up to 24 hours. Use the three steps where that may outlive the process."""
        if not requests:
            return []
        batch_id = await self.submit(requests)
        wait = self._options.patience.first_wait
        while (results := await self.collect(batch_id)) is None:
            await asyncio.sleep(wait)
            wait = min(wait * 2, _LONGEST_POLL)
        return [_settled(results.get(request.digest(self.model)), request) for request in requests]

    async def submit(self, requests: Sequence[Request]) -> str:
        """Hand over calls as a Message Batch, at half the price of single calls."""
        entries = {request.digest(self.model): self._body(request) for request in requests}
        batch: Any = [{"custom_id": digest, "params": params} for digest, params in entries.items()]
        taken = await self._answered(
            lambda sdk: sdk.messages.batches.create(requests=batch), resend_lost=False
        )
        return taken.id

    async def collect(self, batch_id: str) -> dict[str, Completion | ClientError] | None:
        """The results of a Message Batch, or None while it is being worked on."""
        return await self._answered(lambda sdk: _results(sdk, batch_id))

    async def cancel(self, batch_id: str) -> None:
        """Stop a Message Batch."""
        await self._answered(lambda sdk: sdk.messages.batches.cancel(batch_id))

    async def submitted(self, calls: int, since: float) -> list[str]:
        """Message Batches of so many calls that were created since then."""
        return await self._answered(lambda sdk: _submitted(sdk, calls, since))

    async def close(self) -> None:
        """Close the running loop's connections."""
        if sdk := self._sdks.pop():
            await sdk.close()

    def _body(self, request: Request) -> dict[str, Any]:
        from anthropic import transform_schema

        return wire.body(request, self.model, transform_schema)

    def _open(self) -> "AsyncAnthropic":
        from anthropic import AsyncAnthropic, Timeout

        options = self._options
        return AsyncAnthropic(
            base_url=options.base_url,
            api_key=options.api_key,
            max_retries=0,
            timeout=Timeout(options.patience.attempt, connect=CONNECT_SECONDS),
        )

    async def _answered(
        self,
        call: "Callable[[AsyncAnthropic], Awaitable[T]]",
        patience: Patience | None = None,
        *,
        resend_lost: bool = True,
    ) -> T:
        """The answer to one call of the package, attempted with patience, its errors as ours."""
        import anthropic

        async def attempt() -> T:
            try:
                return await call(self._sdks.get())
            except Exception as error:
                raise translated(error, anthropic) from error

        return await answered(
            attempt,
            gate=self._gates.get(),
            patience=patience or self._options.patience,
            resend_lost=resend_lost,
        )

    async def _create(self, sdk: "AsyncAnthropic", params: dict[str, Any]) -> tuple[wire.Answer, str | None]:
        response = await sdk.messages.with_raw_response.create(**params)
        check_kind(sdk.base_url.host, response.headers)
        self._gates.get().pause(exhausted_for(response.headers))
        answer = msgspec.json.decode(await response.read(), type=wire.Answer)
        return answer, response.request_id

    async def _stream(self, sdk: "AsyncAnthropic", params: dict[str, Any]) -> tuple[wire.Answer, str | None]:
        async with sdk.messages.stream(**params) as stream:
            check_kind(sdk.base_url.host, stream.response.headers)
            message = await stream.get_final_message()
            self._gates.get().pause(exhausted_for(stream.response.headers))
            return msgspec.convert(message.to_dict(mode="json"), wire.Answer), stream.request_id


async def _results(sdk: "AsyncAnthropic", batch_id: str) -> dict[str, Completion | ClientError] | None:
    batch = await sdk.messages.batches.retrieve(batch_id)
    if batch.processing_status != "ended":
        return None
    if not batch.results_url:
        raise RequestError("the results of this batch are no longer kept")
    entries = await sdk.messages.batches.results(batch_id)
    return {entry.custom_id: _result(entry.result.to_dict(mode="json")) async for entry in entries}


async def _submitted(sdk: "AsyncAnthropic", calls: int, since: float) -> list[str]:
    ids = []
    async for batch in sdk.messages.batches.list(limit=100):  # newest first
        if batch.created_at.timestamp() < since:
            break
        if _held(batch.request_counts) == calls:
            ids.append(batch.id)
    return ids


def _held(counts: "MessageBatchRequestCounts") -> int:
    """How many calls a batch holds, whatever has become of them."""
    return counts.canceled + counts.errored + counts.expired + counts.processing + counts.succeeded


def _result(result: dict[str, Any]) -> Completion | ClientError:
    """What became of one request of a batch."""
    if result["type"] == "succeeded":
        return msgspec.convert(result["message"], wire.Answer).completion(None)
    if result["type"] == "errored":
        kind = result["error"]["error"]["type"]
        what = f"the batch's request failed ({kind})"
        return RequestError(what) if kind == "invalid_request_error" else TransientError(what)
    return TransientError(f"the batch ended before this request ({result['type']})")


def _settled(result: Completion | ClientError | None, request: Request) -> Completion | ClientError:
    if result is None:
        return TransientError("the batch has no result for this request")
    try:
        return checked(result, request) if isinstance(result, Completion) else result
    except ReplyError as error:
        return error
