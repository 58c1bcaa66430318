"""What only the Anthropic client does: caching, streams, thinking, batches, rate limits."""

import asyncio
import json
from typing import Any

import pytest

from rlm.clients.anthropic import AnthropicClient
from rlm.clients.errors import ProviderError, ReplyError, RequestError, TransientError
from rlm.clients.patience import Patience
from rlm.clients.protocol import BatchClient, Completion, Message, Request
from rlm.errors import ClientError
from tests.rlm.clients.conftest import Bench
from tests.rlm.clients.running import ask, run
from tests.rlm.servers.faults import Fault, always, first
from tests.rlm.servers.messages import BATCHES, COUNT, MessagesServer

SCHEMA = {"type": "object", "properties": {"a": {"type": "string"}}, "required": ["a"]}
TALK = (Message("user", "one"), Message("assistant", "two"), Message("user", "three"))


def client_of(bench: Bench, **changes: object) -> AnthropicClient:
    client = bench.open(**changes)
    assert isinstance(client, AnthropicClient)
    return client


def sent(bench: Bench) -> list[dict[str, Any]]:
    return [each.body for each in bench.server.requests(bench.path)]


def test_the_prefix_is_marked_and_identical(claude: Bench) -> None:
    """All calls begin with the same bytes, marked for the cache; from the second on they are read from it."""

    async def work(client: AnthropicClient) -> list[Completion]:
        requests = [ask(f"chunk {number}", system="s" * 400, schema=SCHEMA) for number in range(3)]
        return [await client.complete(request) for request in requests]

    answers = run(client_of(claude), work)
    prefixes = {json.dumps([body["system"], body["output_config"]]) for body in sent(claude)}
    assert len(prefixes) == 1
    assert sent(claude)[0]["system"][0]["cache_control"] == {"type": "ephemeral"}
    assert [answer.usage.cache_write_tokens for answer in answers] == [100, 0, 0]
    assert [answer.usage.cache_read_tokens for answer in answers] == [0, 100, 100]


def test_only_a_conversation_is_cached_up_to_its_end(claude: Bench) -> None:
    """A single message is never read again, so writing it to the cache would only cost; a conversation goes on."""

    async def work(client: AnthropicClient) -> None:
        await client.complete(ask("alone"))
        await client.complete(Request(TALK))

    run(client_of(claude), work)
    alone, talk = sent(claude)
    assert "cache_control" not in json.dumps(alone)
    assert "cache_control" in json.dumps(talk["messages"][-1])
    assert "cache_control" not in json.dumps(talk["messages"][:-1])


def test_text_is_found_behind_thoughts(claude: Bench) -> None:
    """Text blocks are joined wherever they stand; thoughts and tools are left out."""
    claude.server.reply = lambda call: [
        {"type": "thinking", "thinking": "hm", "signature": "c2ln"},
        {"type": "text", "text": "one "},
        {"type": "tool_use", "id": "tool_1", "name": "grep", "input": {"a": 1}},
        {"type": "text", "text": "two"},
    ]
    for max_tokens in (100, 20_000):
        request = ask(max_tokens=max_tokens)
        assert run(client_of(claude), lambda client: client.complete(request)).text == "one two"  # noqa: B023


@pytest.mark.parametrize("max_tokens", [8_192, 8_193])
def test_long_answers_are_streamed(claude: Bench, max_tokens: int) -> None:
    """Above 8,192 tokens the answer comes as a stream; what comes of it is the same."""
    request = ask("a stream", max_tokens=max_tokens)
    answer = run(client_of(claude), lambda client: client.complete(request))
    assert bool(sent(claude)[0].get("stream")) == (max_tokens > 8_192)
    assert answer == Completion("echo: a stream", answer.usage, "end", "req_loopback")
    assert answer.usage.output_tokens == 3


@pytest.mark.parametrize("kind", ["truncated", "reset"])
def test_a_stream_that_breaks_off_is_asked_for_again(claude: Bench, kind: str) -> None:
    """Half a stream is no answer."""
    claude.server.faults = first(Fault(kind))
    request = ask("x" * 60, max_tokens=20_000)
    assert run(client_of(claude), lambda client: client.complete(request)).text == "echo: " + "x" * 60
    assert claude.asked == 2


def test_effort_and_thinking_are_sent_as_the_package_names_them(claude: Bench) -> None:
    """Left out unless asked for; never a temperature, which the API has not."""

    async def work(client: AnthropicClient) -> None:
        await client.complete(ask())
        await client.complete(ask(effort="low", thinking=True))
        await client.complete(ask(thinking=False))

    run(client_of(claude), work)
    plain, thoughtful, thoughtless = sent(claude)
    assert plain.keys() == {"model", "messages", "max_tokens"}
    assert thoughtful["output_config"] == {"effort": "low"}
    assert thoughtful["thinking"] == {"type": "adaptive", "display": "omitted"}
    assert thoughtless["thinking"] == {"type": "disabled"}


def test_tokens_are_counted_by_the_provider(claude: Bench) -> None:
    """One request to count_tokens, with the system prompt and the schema, without max_tokens."""
    request = ask(system="s", schema=SCHEMA)
    assert run(client_of(claude), lambda client: client.count_tokens(request)) > 0
    [counted] = claude.server.requests(COUNT)
    assert counted.body.keys() == {"model", "messages", "system", "output_config"}


def test_request_ids_are_in_answers_and_errors(claude: Bench) -> None:
    """The provider's id of a request is kept, for its support."""
    assert run(client_of(claude), lambda client: client.complete(ask())).request_id == "req_loopback"
    claude.server.faults = always(Fault("status", 404))
    with pytest.raises(ProviderError) as caught:
        run(client_of(claude), lambda client: client.complete(ask()))
    assert caught.value.request_id == "req_loopback"


@pytest.mark.parametrize("other", [False, True], ids=["the call itself", "another call"])
def test_retry_after_is_honoured(claude: Bench, other: bool) -> None:
    """Nothing is sent before the provider wants it: neither the refused call again, nor another one."""
    claude.server.faults = first(Fault("status", 429, "0.5"))
    # With one attempt the refused call ends at once, and what follows is a call of its own.
    patience = Patience(attempts=1, first_wait=1.0) if other else claude.patience

    async def work(client: AnthropicClient) -> None:
        if other:
            with pytest.raises(TransientError):
                await client.complete(ask("refused"))
        await client.complete(ask("answered"))

    run(client_of(claude, patience=patience), work)
    refused, answered = claude.server.requests(claude.path)
    assert answered.at - refused.at >= 0.5


def test_a_provider_that_always_wants_to_be_asked_at_once_is_given_up(claude: Bench) -> None:
    """`Retry-After: 0` for ever does not mean asking for ever."""
    claude.server.faults = always(Fault("status", 429, "0"))
    client = client_of(claude, patience=Patience(attempts=4, first_wait=0.01))
    with pytest.raises(TransientError):
        run(client, lambda client: client.complete(ask()))
    assert claude.asked == 4


def test_a_wait_beyond_the_deadline_is_told_at_once(claude: Bench) -> None:
    """Where the provider asks to wait longer than the deadline, every caller hears it instead of waiting."""
    claude.server.faults = always(Fault("status", 429, "3600"))

    async def work(client: AnthropicClient) -> list[float | None]:
        waits = []
        for _ in range(2):
            with pytest.raises(TransientError) as caught:
                await client.complete(ask())
            waits.append(caught.value.retry_after)
        return waits

    assert run(client_of(claude), work) == [3600, pytest.approx(3600, abs=60)]
    assert claude.asked == 1


def test_concurrency_follows_what_the_provider_takes(claude: Bench) -> None:
    """With room for 4 at the server, 60 calls of a client set to 30 end answered without thirty refusals a round."""
    claude.server.capacity, claude.server.latency = 4, 0.02
    patience = Patience(total=90, attempt=60, attempts=100, first_wait=0.02)

    async def work(client: AnthropicClient) -> list[Completion]:
        return await asyncio.gather(*(client.complete(ask(str(number))) for number in range(60)))

    assert len(run(client_of(claude, at_once=30, patience=patience), work)) == 60
    assert len(claude.server.calls) == 60
    assert claude.asked <= 60 * 3


def test_a_limit_that_is_used_up_holds_back_the_next_call(claude: Bench) -> None:
    """An answer that says that no requests remain makes the next one wait for the reset."""
    claude.server.limits = {"x-ratelimit-remaining-requests": "0", "x-ratelimit-reset-requests": "300ms"}

    async def work(client: AnthropicClient) -> None:
        await client.complete(ask())
        await client.complete(ask())

    run(client_of(claude), work)
    used_up, held_back = claude.server.requests(claude.path)
    assert held_back.at - used_up.at >= 0.3


def test_a_batch_is_collected_by_another_process(claude: Bench) -> None:
    """The id is all that is needed: a new client gets every result by its request's digest, as often as it likes."""
    requests = [ask("a"), ask("b"), ask("a")]
    batch_id = run(client_of(claude), lambda client: client.submit(requests))

    async def later(client: BatchClient) -> dict[str, Completion | ClientError]:
        while (results := await client.collect(batch_id)) is None:
            await asyncio.sleep(0.01)
        assert await client.collect(batch_id) == results
        return results

    results = run(client_of(claude), later)
    texts = {digest: result.text for digest, result in results.items() if isinstance(result, Completion)}
    model = "claude-haiku-4-5"
    assert texts == {ask("a").digest(model): "echo: a", ask("b").digest(model): "echo: b"}
    assert len(claude.server.calls) == 2


def test_a_batch_that_runs_is_none(claude: Bench) -> None:
    """A batch that is being worked on has no results yet."""
    assert isinstance(claude.server, MessagesServer)
    claude.server.polls = 2

    async def work(client: AnthropicClient) -> list[bool]:
        batch_id = await client.submit([ask()])
        return [await client.collect(batch_id) is None for _ in range(3)]

    assert run(client_of(claude), work) == [True, False, False]


def test_failures_inside_a_batch_are_errors_of_their_own(claude: Bench) -> None:
    """Errored, expired, canceled and missing requests are passing errors; the others have answers."""
    assert isinstance(claude.server, MessagesServer)
    claude.server.batch_faults = {0: "errored", 1: "expired", 2: "canceled", 3: "missing"}
    requests = [ask(text) for text in "abcde"]
    results = run(client_of(claude), lambda client: client.batch(requests))
    assert [type(result) for result in results] == [TransientError] * 4 + [Completion]


@pytest.mark.parametrize("fault", [Fault("reset"), Fault("truncated"), Fault("status", 500)], ids=str)
def test_a_batch_whose_submission_was_lost_is_not_sent_again(claude: Bench, fault: Fault) -> None:
    """It may have been taken; sending it twice may pay it twice, so the caller decides."""
    claude.server.faults = first(fault)
    with pytest.raises(TransientError) as caught:
        run(client_of(claude), lambda client: client.submit([ask()]))
    assert caught.value.lost
    assert caught.value.partial
    assert len(claude.server.requests(BATCHES)) == 1


def test_a_batch_that_was_refused_is_sent_again(claude: Bench) -> None:
    """A 429 says that nothing was taken."""
    claude.server.faults = first(Fault("status", 429))
    assert run(client_of(claude), lambda client: client.submit([ask()])) == "msgbatch_0"
    assert len(claude.server.requests(BATCHES)) == 2


def test_a_canceled_batch_ends(claude: Bench) -> None:
    """What was not answered by then is an error, and can be asked for again."""

    async def work(client: AnthropicClient) -> Any:
        batch_id = await client.submit([ask()])
        await client.cancel(batch_id)
        return await client.collect(batch_id)

    results = run(client_of(claude), work)
    assert [type(result) for result in results.values()] == [TransientError]


def test_an_unknown_batch_is_an_error(claude: Bench) -> None:
    """Nothing is invented for a batch that the provider does not know."""
    with pytest.raises(ProviderError):
        run(client_of(claude), lambda client: client.collect("msgbatch_none"))


def test_answers_of_a_batch_are_checked(claude: Bench) -> None:
    """`batch` knows the schemas, so a document that breaks one is a ReplyError in its place."""
    claude.server.reply = lambda call: "prose"
    [result] = run(client_of(claude), lambda client: client.batch([ask(schema=SCHEMA)]))
    assert isinstance(result, ReplyError)


def test_a_bad_request_names_no_way_out(claude: Bench) -> None:
    """A 400 concerns this request alone: others may go on."""
    claude.server.faults = first(Fault("status", 400))

    async def work(client: AnthropicClient) -> Completion:
        with pytest.raises(RequestError):
            await client.complete(ask("bad"))
        return await client.complete(ask("good"))

    assert run(client_of(claude), work).text == "echo: good"
