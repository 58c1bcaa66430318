"""Limits hold before a call is sent, and whatever ends a run brings what there is so far."""

import asyncio
import os
import pickle
import signal
import subprocess
import sys
import textwrap
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rlm.budget import Budget, Ledger
from rlm.cache import MemoryCache
from rlm.clients.protocol import Completion, Message, Request
from rlm.clients.scripted import EchoClient, QueueClient
from rlm.clients.usage import Usage
from rlm.engine import RLM
from rlm.errors import ClientError, LimitError, RLMError, RunCancelled, UnpricedModelError
from rlm.prices import PRICES, Price, price_of
from tests.rlm.conftest import Run, repl
from tests.rlm.passing_time import let_pass
from tests.waiting import until_async

ROOT = Path(__file__).parents[2]


def stopped(rlm: RLM) -> RLMError:
    """The error that ends the run; it holds a result."""
    with pytest.raises(RLMError) as caught:
        rlm.complete_sync("?", "context")
    assert caught.value.result is not None
    return caught.value


def told(rlm: RLM) -> str:
    """All that the root model was told after the first message."""
    assert isinstance(rlm.root, QueueClient)
    return "\n".join(message.text for message in rlm.root.requests[-1].messages[1:])


@pytest.mark.parametrize(
    ("code", "budget", "words"),
    [
        ("llm_query_batched(['x'] * 5)", Budget(batch=4), "at most 4"),
        ("llm_query('x' * 2000)", Budget(bytes=1000), "at most 1,000"),
        ("llm_query('é' * 600)", Budget(bytes=1000), "1,200 bytes"),
        ("llm_query_batched(['x' * 300] * 4)", Budget(bytes=1000), "1,200 bytes"),
        ("llm_query('a')\nllm_query('b')", Budget(calls=1), "0 of 1 are left"),
        ("rlm_query('a')", Budget(depth=0), "no deeper than 0"),
        ("rlm_query_batched(['a'] * 5)", Budget(batch=4), "at most 4"),
    ],
)
def test_what_passes_a_limit_is_refused_in_the_code(make: Run, code: str, budget: Budget, words: str) -> None:
    """Sub-calls, batch, bytes and depth: nothing is sent, the code sees an error, and the run goes on."""
    sub = EchoClient()
    rlm = make(repl(code), repl("finish('on')"), sub=sub, budget=budget)
    assert rlm.complete_sync("?").answer == "on"
    assert words in told(rlm)
    assert len(sub.requests) <= budget.calls == 1 or sub.requests == []


@pytest.mark.parametrize(
    ("replies", "budget", "limit"),
    [
        ([repl("x = 1")] * 9, Budget(iterations=2), "iterations"),
        (["prose"] * 9, Budget(errors=2), "errors"),
        ([repl("1 / 0")] * 9, Budget(errors=2), "errors"),
        ([repl("x = 1")] * 9, Budget(tokens=3000, answer_tokens=100), "tokens"),
        ([repl("x = 1")] * 9, Budget(seconds=0.0), "seconds"),
        ([lambda request: repl("import time\nwhile True:\n    pass")], Budget(seconds=0.3), "seconds"),
    ],
)
def test_what_ends_a_run_is_named(make: Run, replies: list[Any], budget: Budget, limit: str) -> None:
    """Iterations, consecutive errors, tokens and wall time end a run with an error that names the limit."""
    error = stopped(make(repl("answer['content'] = 'so far'"), *replies, budget=budget))
    assert isinstance(error, LimitError)
    assert error.limit == limit
    assert error.result is not None
    assert error.result.stopped_by == limit
    assert f"Budget({limit}=" in (error.next_command or "")
    assert error.partial_answer in ("so far", "")


class Hanging(EchoClient):
    """Answers "fast" at once and anything else in an hour; when it is asked that, so many seconds have passed."""

    def __init__(self, seconds: float) -> None:
        super().__init__()
        self.seconds = seconds

    async def complete(self, request: Request) -> Completion:
        self.latency = 0 if request.messages[0].text == "fast" else 3600
        if self.latency:
            for _ in range(100):  # turns of the event loop, in which what was asked before is answered
                await asyncio.sleep(0)
            let_pass(self.seconds)
        return await super().complete(request)


def test_wall_time_holds_while_a_model_hangs(make: Run) -> None:
    """A model that does not answer costs the budget's seconds and no more."""
    error = stopped(make(repl("llm_query('x')"), sub=Hanging(601), budget=Budget(seconds=600)))
    assert isinstance(error, LimitError)
    assert error.limit == "seconds"
    assert error.result is not None
    _, step, end = error.result.trajectory.records
    assert (step["kind"], step["calls"][0]["prompt"], end["stopped_by"]) == ("step", "x", "seconds")


def test_errors_must_be_consecutive(make: Run) -> None:
    """A good turn in between starts the count anew."""
    bad, good = repl("1 / 0"), repl("x = 1")
    rlm = make(bad, good, bad, good, bad, repl("finish('on')"), budget=Budget(errors=2))
    assert rlm.complete_sync("?").answer == "on"


def test_the_last_turn_is_announced(make: Run) -> None:
    """The model is told when turns run out."""
    rlm = make(repl("x = 1"), repl("x = 2"), repl("finish('on')"), budget=Budget(iterations=3))
    rlm.complete_sync("?")
    assert "This is your last turn" in told(rlm)


def test_dollars_wait_for_calls_in_flight() -> None:
    """A batch whose upper estimates do not fit at once goes out as earlier calls turn out cheaper."""
    sub = EchoClient(model="sub", latency=0.01)
    root = QueueClient([repl("finish(str(len(llm_query_batched([str(i) for i in range(20)]))))")])
    # Each call may cost 0.1 dollars by its upper estimate, and does cost 0.0002.
    rlm = RLM(root, sub, budget=Budget(usd=0.25, answer_tokens=1000), prices={"sub": Price(100, 100)})
    result = rlm.complete_sync("?")
    assert result.answer == "20"
    assert result.cost.usd <= 0.25


class Counting(EchoClient):
    """Knows its tokens exactly: one a request."""

    async def count_tokens(self, request: Request) -> int:
        return 1


def test_the_client_counts_where_the_estimate_is_too_much() -> None:
    """Only what the provider's own count does not allow either is refused."""
    root = QueueClient([repl("finish(llm_query('x' * 4000))")])
    budget = Budget(usd=None, tokens=10_000_000)
    assert RLM(root, Counting(), budget=budget).complete_sync("?").answer.startswith("x")
    ledger = Ledger(Budget(tokens=50), PRICES)

    async def reserve(client: EchoClient) -> None:
        async with ledger.reserve(client, Request((Message("user", "x" * 4000),), max_tokens=10)):
            pass

    asyncio.run(reserve(Counting()))
    with pytest.raises(LimitError):
        asyncio.run(reserve(EchoClient()))


class Wild(EchoClient):
    """Uses as many tokens as its prompt says."""

    async def complete(self, request: Request) -> Completion:
        await asyncio.sleep(0)
        return Completion("", Usage(1, request.size // 8, int(request.messages[0].text)))


@settings(max_examples=50, deadline=None)
@given(st.lists(st.integers(0, 100), max_size=40), st.integers(200, 2000))
def test_tokens_never_pass_their_limit(outputs: list[int], limit: int) -> None:
    """However calls overlap and whatever they use up to their allowance, the sum stays within the budget."""
    ledger = Ledger(Budget(usd=None, tokens=limit), PRICES)
    client = Wild()

    async def one(tokens: int) -> bool:
        request = Request((Message("user", str(tokens)),), max_tokens=100)
        try:
            async with ledger.reserve(client, request) as hold:
                hold.usage = (await client.complete(request)).usage
        except LimitError:
            return False
        return True

    async def everything() -> list[bool]:
        return list(await asyncio.gather(*map(one, outputs)))

    sent = asyncio.run(everything())
    assert ledger.tokens <= limit
    assert not outputs or sent[0]


def test_a_failed_call_is_booked() -> None:
    """What a failing call is known to have used counts."""
    failing = QueueClient([ClientError("overloaded", usage=Usage(1, 10, 5))])
    error = stopped(RLM(failing))
    assert error.result is not None
    assert error.result.stopped_by == "client"
    assert error.result.usage["queue"] == Usage(1, 10, 5)


def test_cancellation_stays_one_and_brings_what_there_is(make: Run) -> None:
    """A cancelled task is cancelled for asyncio; who awaits the engine itself gets the partial answer."""
    rlm = make(repl("answer['content'] = 'half'"), repl("llm_query('x')"), sub=EchoClient(latency=3600))
    seen: list[RunCancelled] = []

    async def run() -> None:
        try:
            await rlm.complete("?")
        except RunCancelled as error:
            seen.append(error)
            raise

    async def main() -> None:
        task = asyncio.create_task(run())
        await until_async(lambda: isinstance(rlm.sub, EchoClient) and rlm.sub.requests)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        assert task.cancelled()

    asyncio.run(main())
    [error] = seen
    assert (error.partial_answer, error.result.stopped_by if error.result else "") == ("half", "cancelled")


def test_an_answer_that_arrived_before_a_cancellation_is_kept() -> None:
    """Of a batch that is cancelled half-way, what had arrived is in the cache and is not paid again."""
    cache = MemoryCache()
    batch = repl("llm_query_batched(['fast', 'slow'])")
    rlm = RLM(QueueClient([batch]), Hanging(601), cache=cache, budget=Budget(seconds=600))
    assert stopped(rlm).result is not None
    request = Request((Message("user", "fast"),), max_tokens=Budget().answer_tokens)
    kept = asyncio.run(cache.get(request.digest("echo")))
    assert kept is not None
    assert kept.text == "fast"


def test_ctrl_c_brings_what_there_is() -> None:
    """SIGINT under the sync face is a KeyboardInterrupt with a partial answer, and leaves no process behind."""
    code = f"""
        import sys
        from rlm.clients.scripted import EchoClient, QueueClient
        from rlm.engine import RLM
        from rlm.errors import RunInterrupted
        replies = [{repl("answer['content'] = 'half'")!r}, {repl("llm_query('x')")!r}]
        steps = []
        def watch(record):
            if record["kind"] == "step":
                steps.append(record)
                if len(steps) == 1:  # the step that is cut off is a record too
                    print("ready", flush=True)
        try:
            RLM(QueueClient(replies), EchoClient(latency=3600), watch=watch).complete_sync("?")
        except KeyboardInterrupt as error:
            assert isinstance(error, RunInterrupted)
            print(error.partial_answer, error.result.stopped_by)
    """
    with subprocess.Popen(
        [sys.executable, "-c", textwrap.dedent(code)],
        cwd=ROOT,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    ) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "ready\n"
        os.kill(process.pid, signal.SIGINT)
        out, err = process.communicate(timeout=60)
    assert (process.returncode, out, err) == (0, "half cancelled\n", "")


@pytest.mark.parametrize("error", [LimitError("usd", 1.0, "no"), ClientError("x"), UnpricedModelError("m")])
def test_errors_survive_the_trip_between_processes(error: RLMError) -> None:
    """Errors keep their fields through pickle, as a flow's workers need it."""
    again = pickle.loads(pickle.dumps(error))
    assert type(again) is type(error)
    assert again.__dict__ == error.__dict__


def test_a_partial_result_survives_the_trip_too(make: Run) -> None:
    """What a run brought travels with its error, whoever watched it."""
    error = stopped(make(repl("answer['content'] = 'half'"), watch=lambda record: None))
    again = pickle.loads(pickle.dumps(error))
    assert (again.partial_answer, again.message) == ("half", error.message)
    assert again.result.trajectory.records == error.result.trajectory.records if error.result else False


def test_every_error_of_the_engine_has_one_base() -> None:
    """Who catches RLMError catches whatever ends a run."""
    import rlm.errors

    kinds = [
        kind for kind in vars(rlm.errors).values() if isinstance(kind, type) and issubclass(kind, Exception)
    ]
    own = [kind for kind in kinds if kind.__module__ == "rlm.errors"]
    assert len(own) >= 7
    assert all(issubclass(kind, RLMError) for kind in own)


def test_snapshots_have_their_models_price() -> None:
    """A dated model name has the price of the model; an unknown one has none."""
    assert price_of("claude-haiku-4-5-20251001", PRICES) == PRICES["claude-haiku-4-5"]
    assert price_of("claude-haiku-4-5-fast", PRICES) is None


def test_all_four_kinds_of_tokens_are_priced() -> None:
    """Cache reads and writes have prices of their own."""
    assert Price(1, 10, 100, 1000).cost(Usage(1, 1_000_000, 1_000_000, 1_000_000, 1_000_000)) == 1111


def test_a_prompt_is_not_counted_where_no_count_could_make_it_fit() -> None:
    """To count tokens a provider is sent the prompt: with too little money for the answer alone, nothing is."""

    class Counting(QueueClient):
        counted = 0

        async def count_tokens(self, request: Request) -> int:
            self.counted += 1
            return await super().count_tokens(request)

    client = Counting([], model="m")
    request = Request((Message("user", "x" * 400),), max_tokens=100)

    async def ask(usd: float) -> None:
        ledger = Ledger(Budget(usd=usd), {"m": Price(1.0, 1.0)})
        async with ledger.reserve(client, request):
            pass

    with pytest.raises(LimitError):
        asyncio.run(ask(99e-6))
    assert client.counted == 0
    asyncio.run(ask(200e-6))  # 100 tokens each way, by the count
    assert client.counted == 1
