"""Paid calls: kept before they count, limited before they are sent, told apart."""

import asyncio
import threading
from collections.abc import Iterable
from pathlib import Path

import pytest

from compiler.account import OUTAGE, Account, Replies
from data_models.errors import PipelineError, StoreFullError
from data_models.settings import PriceSettings
from rlm.clients.errors import ReplyError, TransientError
from rlm.clients.protocol import Completion, Message, Request
from rlm.clients.scripted import EchoClient, QueueClient, Reply
from rlm.clients.usage import Usage
from rlm.errors import LimitError, UnpricedModelError
from store.local import LocalStore
from store.memo import Memo
from tests.waiting import PATIENCE

PRICES = {"queue": PriceSettings(input=1_000_000, output=1_000_000)}
"""A dollar a token."""


@pytest.fixture
def memo(tmp_path: Path) -> Memo:
    return Memo(LocalStore(tmp_path / "store"))


def ask(text: str) -> Request:
    return Request((Message("user", text),), max_tokens=10)


def replying(*replies: Reply) -> QueueClient:
    return QueueClient(replies)


def test_an_answer_that_arrived_is_never_paid_again(memo: Memo) -> None:
    """Another process, another account: the answer is in memo, costs nothing and is counted as cached."""

    async def run(client: QueueClient) -> tuple[str, int, int]:
        part = Account(Replies(memo)).part()
        answer = await part.ask(client, ask("why"))
        return answer.text, part.usage.calls, part.usage.cached

    assert asyncio.run(run(replying("because"))) == ("because", 1, 0)
    assert asyncio.run(run(replying())) == ("because", 0, 1)


def test_an_answer_that_breaks_its_schema_is_not_paid_again_either(memo: Memo) -> None:
    """It is told again from memo, with no new cost."""
    request = Request((Message("user", "?"),), schema={"type": "object"})
    bad = ReplyError("not JSON", text="oh", usage=Usage(1, 3, 4))

    async def run(client: QueueClient) -> tuple[int, int]:
        part = Account(Replies(memo)).part()
        with pytest.raises(ReplyError):
            await part.ask(client, request)
        return part.usage.calls, part.usage.output_tokens

    assert asyncio.run(run(replying(bad))) == (1, 4)
    assert asyncio.run(run(replying())) == (0, 0)


def test_equal_questions_at_the_same_time_are_sent_once(memo: Memo) -> None:
    """Also by two accounts: steps of one compile that go side by side."""
    replies, client = Replies(memo), EchoClient(latency=0.01)

    async def run() -> int:
        parts = [Account(replies).part() for _ in range(3)]
        await asyncio.gather(*(part.ask(client, ask("same")) for part in parts))
        return sum(part.usage.calls for part in parts)

    assert asyncio.run(run()) == 1
    assert len(client.requests) == 1


def test_nothing_is_sent_past_the_limit(memo: Memo) -> None:
    """The second call could pass it, so it is not sent; what the first cost is told."""
    account = Account(Replies(memo), max_usd=20.0, prices=PRICES)
    client = replying("yes", "no")

    async def run() -> None:
        part = account.part()
        await part.ask(client, ask("one"))
        with pytest.raises(LimitError):
            await part.ask(client, ask("two, " * 10))

    asyncio.run(run())
    assert len(client.requests) == 1
    assert account.left is not None
    assert account.usage.usd + account.left == pytest.approx(20.0)


def test_a_limit_in_dollars_needs_a_price(memo: Memo) -> None:
    """A model without one is refused before anything is sent; without a limit it is asked, and named as unpriced."""
    client = QueueClient(["fine"], model="unheard-of")
    with pytest.raises(UnpricedModelError):
        asyncio.run(Account(Replies(memo), max_usd=1.0).part().ask(client, ask("?")))
    free = Account(Replies(memo))
    asyncio.run(free.part().ask(client, ask("?")))
    assert free.usage.unpriced == ("unheard-of",)
    assert free.usage.models["unheard-of"].calls == 1


def test_a_provider_that_only_fails_is_an_outage(memo: Memo) -> None:
    """After so many failures in a row the compile stops, instead of making everything worse than it need be."""
    account = Account(Replies(memo))
    client = QueueClient([TransientError("busy", status=529)] * OUTAGE)

    async def run() -> None:
        part = account.part()
        for number in range(OUTAGE - 1):
            with pytest.raises(TransientError):
                await part.ask(client, ask(str(number)))
        with pytest.raises(PipelineError, match="cannot be reached"):
            await part.ask(client, ask("last"))

    asyncio.run(run())


class HeldUp(Memo):
    """A memo whose writes wait until they are let go on."""

    def __init__(self, store: LocalStore) -> None:
        super().__init__(store)
        self.writing, self.go_on = threading.Event(), threading.Event()

    def put_many(self, stage: str, results: Iterable[tuple[str, bytes]]) -> None:
        self.writing.set()
        assert self.go_on.wait(PATIENCE)
        super().put_many(stage, results)


def test_an_answer_is_kept_though_whoever_asked_is_cancelled(tmp_path: Path) -> None:
    """It was paid, so it is written to the end."""
    memo = HeldUp(LocalStore(tmp_path / "store"))
    replies = Replies(memo)

    async def run() -> Completion:
        task = asyncio.create_task(Account(replies).part().ask(EchoClient(), ask("kept")))
        assert await asyncio.to_thread(memo.writing.wait, PATIENCE)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        memo.go_on.set()
        async with asyncio.timeout(PATIENCE):
            while (kept := await replies.get(ask("kept").digest("echo"))) is None:
                await asyncio.sleep(0)
        return kept

    assert asyncio.run(run()).text == "kept"


def test_an_answer_that_cannot_be_kept_is_an_error(memo: Memo, monkeypatch: pytest.MonkeyPatch) -> None:
    """A full disk stops the step: going on would pay for what is lost with the process."""

    def full(*_: object) -> None:
        raise StoreFullError("no space left")

    monkeypatch.setattr(memo, "put_many", full)
    with pytest.raises(StoreFullError):
        asyncio.run(Account(Replies(memo)).part().ask(EchoClient(), ask("?")))
