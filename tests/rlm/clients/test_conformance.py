"""What every client does, each against the server that speaks its protocol."""

import asyncio
import json
import traceback
from dataclasses import replace

import pytest

from rlm.clients.errors import (
    CredentialsError,
    ProviderError,
    ReplyError,
    RequestError,
    TooLongError,
    TransientError,
)
from rlm.clients.patience import Patience
from rlm.clients.protocol import Client, Completion, Message, Request
from rlm.clients.scripted import EchoClient, QueueClient
from rlm.errors import ClientError
from tests.rlm.clients.conftest import KEY, Bench
from tests.rlm.clients.running import ask, run
from tests.rlm.passing_time import let_pass
from tests.rlm.servers.faults import Fault, always, first, sometimes
from tests.rlm.servers.models import asked_in
from tests.waiting import until_async

SCHEMA = {
    "type": "object",
    "properties": {"title": {"type": "string"}, "seqs": {"type": "array", "items": {"type": "integer"}}},
    "required": ["title", "seqs"],
    "additionalProperties": False,
}

PASSING = [
    Fault("status", 500),
    Fault("status", 529),
    Fault("status", 429),
    Fault("status", 429, "0.05"),
    Fault("reset"),
    Fault("truncated"),
    Fault("garbage"),
]

name_of = lambda fault: f"{fault.kind}-{fault.status}-{fault.retry_after}"  # noqa: E731  (a test id)


def complete(client: Client, request: Request) -> Completion:
    return run(client, lambda client: client.complete(request))


def test_an_answer_comes_back_with_its_usage(bench: Bench) -> None:
    """The model sees the system prompt and the text; its words and tokens come back; one request was made."""
    answer = complete(bench.open(), ask("what is {} and {0}?", system="be brief {system}"))
    assert answer.text.startswith("echo: what is {} and {0}?")
    assert answer.stop == "end"
    assert answer.usage.calls == 1
    assert answer.usage.tokens > 0
    assert bench.server.calls[0].system.endswith("be brief {system}")
    assert bench.asked == 1


def test_a_conversation_reaches_the_model_whole(bench: Bench) -> None:
    """Every message is sent, oldest first, and the last one is the user's: nothing is put into a model's mouth."""
    turns = (Message("user", "first"), Message("assistant", "second"), Message("user", "third"))
    complete(bench.open(), Request(turns))
    sent = json.dumps(bench.server.received[0].body)
    assert sent.index("first") < sent.index("second") < sent.index("third")
    assert bench.server.received[0].body["messages"][-1]["role"] == "user"


def test_half_a_character_is_sent_as_a_question_mark(bench: Bench) -> None:
    """Lone surrogates, which hostile transcripts hold, neither fail a call nor have it tried again."""
    answer = complete(bench.open(), ask("cut \ud83d here", system="\udfff"))
    assert answer.text == "echo: cut ? here"
    assert bench.asked == 1


def test_an_answer_follows_its_schema(bench: Bench) -> None:
    """The schema reaches the model, and a document that follows it comes back."""
    bench.server.reply = lambda call: '{"title": "t", "seqs": [1, 2]}'
    answer = complete(bench.open(), ask(schema=SCHEMA))
    assert json.loads(answer.text) == {"title": "t", "seqs": [1, 2]}
    assert "seqs" in json.dumps(bench.server.received[0].body)


@pytest.mark.parametrize("kind", ["invalid", "prose"])
def test_an_answer_that_breaks_its_schema_is_not_asked_for_again(bench: Bench, kind: str) -> None:
    """It is a ReplyError that holds the text and what it cost, after one request; its message quotes nothing."""
    bench.server.faults = always(Fault(kind))
    with pytest.raises(ReplyError) as caught:
        complete(bench.open(), ask(schema=SCHEMA))
    assert caught.value.usage.output_tokens > 0
    assert caught.value.text
    assert "no such" not in caught.value.message
    assert bench.asked == 1


def test_a_refusal_is_an_answer(bench: Bench) -> None:
    """A refusal is a stop reason, not an error, and is asked for once."""
    bench.server.faults = always(Fault("refusal"))
    assert complete(bench.open(), ask(schema=SCHEMA)).stop == "refusal"
    assert bench.asked == 1


def test_an_answer_cut_short_says_so(bench: Bench) -> None:
    """What was written comes back with the stop reason max_tokens, unchecked."""
    bench.server.faults = always(Fault("max_tokens"))
    answer = complete(bench.open(), ask(schema=SCHEMA))
    assert answer.stop == "max_tokens"
    assert answer.text


def test_an_answer_without_text_is_empty(bench: Bench) -> None:
    """Thoughts alone are an empty answer."""
    bench.server.faults = always(Fault("empty"))
    assert complete(bench.open(), ask()).text == ""


@pytest.mark.parametrize("fault", PASSING, ids=name_of)
def test_what_passes_is_tried_again(bench: Bench, fault: Fault) -> None:
    """After one passing fault the answer comes, with exactly two requests."""
    bench.server.faults = first(fault)
    assert complete(bench.open(), ask()).text.startswith("echo: hello")
    assert bench.asked == 2


def test_a_silent_server_is_given_up_and_asked_again(bench: Bench) -> None:
    """One attempt lasts as long as it may, then the next is made."""
    bench.server.faults = first(Fault("hang"))

    async def work(client: Client) -> Completion:
        call = asyncio.create_task(client.complete(ask()))
        await until_async(lambda: bench.asked)
        let_pass(bench.patience.attempt)
        return await call

    assert run(bench.open(), work).text.startswith("echo: hello")
    assert bench.asked == 2


@pytest.mark.parametrize(
    ("status", "kind"),
    [
        (400, RequestError),
        (401, CredentialsError),
        (402, ProviderError),
        (403, CredentialsError),
        (404, ProviderError),
        (413, TooLongError),
    ],
)
def test_what_stays_is_not_tried_again(bench: Bench, status: int, kind: type[ClientError]) -> None:
    """Errors that repeat themselves are raised after one request, typed, with their HTTP status."""
    bench.server.faults = always(Fault("status", status))
    with pytest.raises(kind) as caught:
        complete(bench.open(), ask())
    assert caught.value.status == status
    assert bench.asked == 1


@pytest.mark.parametrize("max_tokens", [1024, 64_000], ids=["whole", "streamed"])
def test_a_web_page_is_a_mistaken_address(bench: Bench, max_tokens: int) -> None:
    """What stands there is no provider: said after one request, with the server's name and what to mend."""
    if bench.name.startswith("agent-sdk"):
        pytest.skip("the agent's program reads what its server answers, not we")
    bench.server.faults = always(Fault("page"))
    with pytest.raises(ProviderError) as caught:
        complete(bench.open(), replace(ask(), max_tokens=max_tokens))
    assert "127.0.0.1 answers with a page" in caught.value.message
    assert "base URL" in (caught.value.next_command or "")
    assert bench.asked == 1


def test_patience_has_an_end(bench: Bench) -> None:
    """A provider that never recovers is asked so often and no more; the error says that it may pass later."""
    bench.server.faults = always(Fault("status", 500))
    with pytest.raises(TransientError) as caught:
        complete(bench.open(patience=replace(bench.patience, attempts=3)), ask())
    assert caught.value.status == 500
    assert bench.asked == 3


def test_one_deadline_holds_over_all_attempts(bench: Bench) -> None:
    """Attempts and waits together end at the deadline."""
    bench.server.faults = always(Fault("hang"))
    patience = Patience(total=1.0, attempt=0.4, attempts=1000, first_wait=0.01)

    async def work(client: Client) -> float:
        began = asyncio.get_running_loop().time()
        with pytest.raises(TransientError) as caught:
            await client.complete(ask())
        assert caught.value.lost
        return asyncio.get_running_loop().time() - began

    assert run(bench.open(patience=patience), work) < 30.0


def test_a_server_that_is_not_there_is_a_passing_error(bench: Bench) -> None:
    """A refused connection is retried, and the error says so; nothing can have been charged."""
    client = bench.open(base_url="http://127.0.0.1:9/v1", patience=replace(bench.patience, attempts=2))
    with pytest.raises(TransientError):
        complete(client, ask())


def test_errors_hold_neither_prompt_nor_key(bench: Bench) -> None:
    """What is shown of an error quotes neither the request nor the key, causes included."""
    bench.server.faults = always(Fault("status", 400))
    with pytest.raises(RequestError) as caught:
        complete(bench.open(), ask("SECRET-PROMPT", system="SECRET-SYSTEM"))
    shown = "".join(traceback.format_exception_only(caught.value)) + repr(vars(caught.value))
    assert "SECRET" not in shown
    assert KEY not in shown


def test_calls_at_once_are_bounded(bench: Bench) -> None:
    """No more calls are in flight than the options allow."""
    bench.server.latency = 0.02

    async def work(client: Client) -> list[Completion]:
        return await asyncio.gather(*(client.complete(ask(str(number))) for number in range(12)))

    answers = run(bench.open(at_once=3), work)
    assert [answer.text for answer in answers] == [f"echo: {number}" for number in range(12)]
    assert bench.server.peak <= 3


def test_usage_belongs_to_its_call(bench: Bench) -> None:
    """Calls at once do not mix up their tokens: each reports its own (defect 11 of rlms)."""
    bench.server.reply = lambda call: "x" * 4 * len(call.text)

    async def work(client: Client) -> list[Completion]:
        return await asyncio.gather(*(client.complete(ask("y" * size)) for size in range(1, 21)))

    answers = run(bench.open(), work)
    assert [answer.usage.output_tokens for answer in answers] == list(range(1, 21))


def test_a_third_of_calls_fail_and_no_answer_is_asked_for_twice(bench: Bench) -> None:
    """Every call ends answered; what was answered without a fault was asked no more."""
    faults = sometimes(PASSING, 0.3, seed=7)
    arrived: list[str] = []

    def watched(number: int, path: str) -> Fault | None:
        fault = faults(number, path)
        if fault is None:
            arrived.append(asked_in(bench.server.received[number].body))
        return fault

    bench.server.faults = watched

    async def work(client: Client) -> list[Completion]:
        return await asyncio.gather(*(client.complete(ask(f"n{number}")) for number in range(40)))

    answers = run(bench.open(), work)
    assert [answer.text for answer in answers] == [f"echo: n{number}" for number in range(40)]
    assert len(arrived) == len(set(arrived)) == 40
    assert bench.asked <= 1.6 * 40 + 8


def test_a_batch_keeps_order_and_errors(bench: Bench) -> None:
    """Results stand in the order of the requests; one that failed is its error."""
    bench.server.reply = lambda call: "prose" if "bad" in call.text else '{"title": "t", "seqs": []}'
    requests = [ask("good", schema=SCHEMA), ask("bad", schema=SCHEMA), ask("fine", schema=SCHEMA)]
    results = run(bench.open(), lambda client: client.batch(requests))
    assert [type(result) for result in results] == [Completion, ReplyError, Completion]


def test_tokens_are_counted_before_a_call(bench: Bench) -> None:
    """A longer request has more tokens, and counting asks no model."""

    async def work(client: Client) -> tuple[int, int]:
        return await client.count_tokens(ask("a")), await client.count_tokens(ask("a" * 4000))

    small, large = run(bench.open(), work)
    assert 0 < small < large
    assert bench.asked == 0


def test_one_client_serves_several_event_loops(bench: Bench) -> None:
    """A client that worked in one event loop works in the next, closed or not."""
    client = bench.open()
    for text in ("one", "two"):
        assert complete(client, ask(text)).text == f"echo: {text}"


def test_cancelling_gives_the_place_back(bench: Bench) -> None:
    """A cancelled call leaves room for the next, even with one place."""
    bench.server.faults = first(Fault("hang"))

    async def work(client: Client) -> Completion:
        call = asyncio.create_task(client.complete(ask()))
        await until_async(lambda: bench.asked)
        call.cancel()
        with pytest.raises(asyncio.CancelledError):
            await call
        return await client.complete(ask("next"))

    assert run(bench.open(at_once=1), work).text == "echo: next"


@pytest.mark.parametrize("client", [EchoClient(), QueueClient(["hello", "hello", "hello"])])
def test_scripted_clients_keep_the_same_promises(client: Client) -> None:
    """Answers, usage, batches in order, counts: without a provider."""

    async def work(client: Client) -> None:
        answer = await client.complete(ask())
        assert answer.text == "hello"
        assert answer.usage.calls == 1
        assert await client.count_tokens(ask("a")) < await client.count_tokens(ask("a" * 100))
        results = await client.batch([ask(), ask()])
        assert [result.text for result in results if isinstance(result, Completion)] == ["hello", "hello"]

    run(client, work)


def test_a_scripted_client_raises_in_calls_and_returns_in_batches() -> None:
    """An error that was prepared is raised by a call and is a result of a batch."""
    client = QueueClient([TransientError("later"), TransientError("later"), "fine"])

    async def work(client: Client) -> list[Completion | ClientError]:
        with pytest.raises(TransientError):
            await client.complete(ask())
        return await client.batch([ask(), ask()])

    assert [type(result) for result in run(client, work)] == [TransientError, Completion]
