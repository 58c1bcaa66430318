"""Batches of a night: half the price, nothing paid twice whatever dies when, and nobody waits past the bound."""

import asyncio
import uuid
from collections import Counter
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from compiler.account import REPLY
from compiler.estimate import estimate
from compiler.health import status
from compiler.models.batches import settle, submit
from compiler.models.batches.submit import Submitted
from compiler.pending import PendingSessions
from compiler.pipeline import compile_project
from compiler.report import ProjectReport
from compiler.runtime import open_runtime
from compiler.steps import DirectSteps
from compiler.uploading.upload import upload
from data_models.errors import StoreError
from rlm.clients.anthropic import AnthropicClient
from store.batches import open_batches, projects_with_batches
from store.generations import newest
from store.receipts import read_receipt, receipt_keys
from store.tombstones import forget_sessions
from tests.compiler.models.server_model import MAP, counted
from tests.flows.models import PROJECT, entries, upload_chunks, use
from tests.rlm.servers.faults import Fault, first
from tests.rlm.servers.messages import BATCHES, MESSAGES, MessagesServer
from tests.rlm.servers.priced import PricedServer
from tests.synthetic import write_session

SESSIONS, CHUNKS = 6, 12
RUNNING = 1_000_000
"""Polls after which no test waits for a batch to end."""


class KilledError(BaseException):
    """Ends a run as a kill does: nothing of ours may stop it."""


@pytest.fixture
def server(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[PricedServer]:
    """A server of models whose batches run until they are told to end, and a project that waits for a night."""
    monkeypatch.setattr(submit, "LEAST", 20)
    with PricedServer() as running:
        running.polls = RUNNING
        use(running, monkeypatch)
        upload_chunks(tmp_path / "team", SESSIONS, CHUNKS // SESSIONS * 6)
        yield running


def night(**options: Any) -> Submitted:
    """Hand over what is new."""
    return asyncio.run(submit.submit(open_runtime(), PROJECT, least=20, **options))


def compiled(**options: Any) -> ProjectReport:
    """Compile the project."""
    runtime = open_runtime()
    return asyncio.run(compile_project(runtime, PROJECT, DirectSteps(runtime), **options))


def night_and_morning() -> None:
    """Hand over what is new, and compile it."""
    night()
    compiled()


def live(server: MessagesServer) -> int:
    """Calls of the map that were asked one by one."""
    return len([each for each in server.requests(MESSAGES) if each.body["model"] == MAP])


def asked_twice(server: MessagesServer) -> list[int]:
    """How often each question of the map was answered that was answered more than once."""
    counts = Counter(call.text for call in server.calls if call.model == MAP)
    return [count for count in counts.values() if count > 1]


def one_more(folder: Path) -> Path:
    """A session that nobody knows yet."""
    path = folder / "more" / "session.jsonl"
    start = datetime(2026, 2, 2, 9, 0, tzinfo=UTC)
    write_session(path, session_id=str(uuid.UUID(int=99)), start=start, turns=3, seed=99)
    return path


def late(monkeypatch: pytest.MonkeyPatch) -> None:
    """It is past the bound from now on."""
    monkeypatch.setattr(settle, "BOUND", 0.0)


def test_a_batch_is_collected_by_a_later_compile_at_half_the_price(server: PricedServer) -> None:
    """While it runs its sessions wait; then no call of the map is asked, and each dollar is counted once."""
    handed = night()
    assert (handed.batches, handed.sessions) == (1, SESSIONS)
    waiting = compiled()
    assert "6 sessions wait for a batch" in waiting.degraded[0]
    assert newest(open_runtime().store, PROJECT) is None
    server.end_batches()
    report = compiled()
    assert live(server) == 0
    assert report.sessions.new == SESSIONS
    assert report.batched.calls == handed.calls == counted(server.calls)[MAP]
    assert report.llm.usd == pytest.approx(server.usd)
    assert 0 < report.batched.usd < handed.usd
    runtime = open_runtime()
    assert sum(entry.usage.usd for entry in entries(runtime)) > report.batched.usd
    manifest = newest(runtime.store, PROJECT)
    assert manifest is not None
    assert manifest.manifest.usage.usd == pytest.approx(server.usd)
    assert projects_with_batches(runtime.store) == []
    assert list(runtime.store.keys("batches")) == []


def test_a_compile_says_the_same_with_and_without_batches(server: PricedServer, tmp_path: Path) -> None:
    """Answers of a batch are the answers of the calls it stands for: same requests, same summaries."""
    compiled()
    told = {
        entry.session_id: (entry.chunks, entry.degraded, entry.digest) for entry in entries(open_runtime())
    }
    single = Counter(call.text for call in server.calls if call.model == MAP)
    with PricedServer() as other, pytest.MonkeyPatch.context() as patch:
        use(other, patch)
        patch.setenv("RLM_CONTEXT_STORE", str(tmp_path / "other"))
        upload_chunks(tmp_path / "again", SESSIONS, CHUNKS // SESSIONS * 6)
        night()
        compiled()
        assert Counter(call.text for call in other.calls if call.model == MAP) == single
        runtime = open_runtime()
        assert {e.session_id: (e.chunks, e.degraded, e.digest) for e in entries(runtime)} == told


def test_a_dry_run_and_status_know_what_is_handed_over(server: PricedServer) -> None:
    """Its calls are not counted as to be sent, unless all is to be made anew; what they cost at most is known."""
    handed = night()
    runtime = open_runtime(make_store=False)
    for full, expected in ((False, (0, handed.calls)), (True, (handed.calls, 0))):
        found = estimate(runtime, PendingSessions(runtime, [], full=full), full=full)[0]
        assert (found.step, found.calls, found.batched) == ("map", *expected)
    (project,) = status(runtime).projects
    (batch,) = project.batches
    assert (batch.calls, batch.sessions, batch.usd) == (handed.calls, SESSIONS, handed.usd)
    server.end_batches()
    compiled()
    assert status(runtime).projects[0].batches == []


def test_a_second_night_hands_over_nothing_more(server: PricedServer) -> None:
    """What a batch holds is not submitted again, also where its session grew since."""
    assert night().batches == 1
    assert night() == Submitted(project=PROJECT)
    assert len(server.requests(BATCHES)) == 1


def test_what_is_not_in_the_batch_is_compiled_meanwhile(server: PricedServer, tmp_path: Path) -> None:
    """A session that ends while a batch runs is in the next generation; those of the batch follow."""
    night()
    upload(open_runtime(), [one_more(tmp_path)], project=PROJECT)
    assert compiled().sessions.new == 1
    server.end_batches()
    assert compiled().sessions.new == SESSIONS
    assert len(entries(open_runtime())) == SESSIONS + 1


def test_much_goes_into_several_batches(server: PricedServer, monkeypatch: pytest.MonkeyPatch) -> None:
    """Each holds whole sessions, up to a bound; together they hold each call once."""
    monkeypatch.setattr(submit, "_MOST_CALLS", 30)
    handed = night()
    assert handed.batches > 1
    sizes = [len(each.body["requests"]) for each in server.requests(BATCHES)]
    assert sum(sizes) == handed.calls
    assert max(sizes) <= 30
    server.end_batches()
    assert compiled().batched.calls == handed.calls
    assert live(server) == 0
    assert asked_twice(server) == []


@pytest.mark.parametrize("fault", ["errored", "expired", "canceled", "missing"])
def test_what_a_batch_did_not_answer_is_asked_alone(server: PricedServer, fault: str) -> None:
    """Only that: the other answers are taken, and the report says how many were not there."""
    server.batch_faults = {0: fault, 3: fault}
    server.polls = 1
    handed = night()
    report = compiled()
    assert live(server) == 2
    assert asked_twice(server) == []
    assert report.batched.calls == handed.calls - 2
    assert report.llm.usd == pytest.approx(server.usd)
    assert f"2 of {handed.calls} calls of a batch were asked again" in report.degraded[0]


def test_past_the_bound_a_batch_is_cancelled_and_the_rest_asked_alone(
    server: PricedServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What it had answered by then is taken, so that nothing is paid twice."""
    server.done_when_canceled = 10
    handed = night()
    late(monkeypatch)
    report = compiled()
    assert report.sessions.new == SESSIONS
    assert (report.batched.calls, live(server)) == (10, handed.calls - 10)
    assert asked_twice(server) == []


def test_who_wants_everything_now_waits_for_no_batch(server: PricedServer) -> None:
    """`--full` cancels what runs, takes what was answered, and asks the rest."""
    server.done_when_canceled = 10
    night()
    report = compiled(full=True)
    assert (report.batched.calls, report.sessions.new) == (10, SESSIONS)
    assert asked_twice(server) == []


def test_other_models_do_not_shrink_what_readers_have(
    server: PricedServer, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """Another map model asks everything anew: until the batch ends readers keep the generation that they have."""
    compiled()
    before = newest(open_runtime().store, PROJECT)
    monkeypatch.setenv("RLM_CONTEXT_MODELS__MAP", "anthropic:claude-haiku-5-5")
    assert night().sessions == SESSIONS
    upload(open_runtime(), [one_more(tmp_path)], project=PROJECT)
    assert compiled().sessions.new == 0
    assert newest(open_runtime().store, PROJECT) == before
    server.end_batches()
    assert compiled().sessions.new == SESSIONS + 1


def test_little_is_not_worth_waiting_for(server: PricedServer) -> None:
    """Few calls are left to the compile; where batches are switched off, all are."""
    handed = asyncio.run(submit.submit(open_runtime(), PROJECT, least=10_000))
    assert handed == Submitted(project=PROJECT)
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("RLM_CONTEXT_MODELS__BATCHES", "false")
        assert night() == Submitted(project=PROJECT)
    assert server.requests(BATCHES) == []


def test_a_limit_holds_for_batches_too(server: PricedServer) -> None:
    """No more is handed over than the answers may cost at most."""
    whole = night(max_usd=0.0)
    assert whole.calls == 0
    some = night(max_usd=1.0)
    assert 0 < some.usd <= 1.0


def test_a_provider_that_takes_no_batch_is_asked_call_by_call(server: PricedServer) -> None:
    """A refusal is told, its record goes, and the compile asks."""
    server.faults = lambda number, path: Fault("status", 400) if path == BATCHES else None
    handed = night()
    assert handed.batches == 0
    assert handed.refused
    assert list(open_runtime().store.keys("batches")) == []
    assert compiled().sessions.new == SESSIONS
    assert asked_twice(server) == []


def test_a_batch_that_nobody_knows_is_waited_for_until_the_bound(
    server: PricedServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It may be another account's; past the bound everything is asked."""
    night()
    server._batches.clear()
    assert compiled().sessions.new == 0
    late(monkeypatch)
    assert compiled().sessions.new == SESSIONS
    assert list(open_runtime().store.keys("batches")) == []


def test_a_provider_out_of_reach_is_waited_for(server: PricedServer, monkeypatch: pytest.MonkeyPatch) -> None:
    """Who cannot be asked for the answers cannot be asked the questions; nothing is given up."""
    night()
    late(monkeypatch)
    real = AnthropicClient.collect

    async def away(self: AnthropicClient, batch_id: str) -> None:
        raise settle.TransientError("out of reach")

    monkeypatch.setattr(AnthropicClient, "collect", away)
    assert "could not be reached" in compiled().degraded[0]
    monkeypatch.setattr(AnthropicClient, "collect", real)
    server.done_when_canceled = 10_000
    assert compiled().sessions.new == SESSIONS
    assert live(server) == 0


def test_a_damaged_record_is_told_and_its_calls_asked(server: PricedServer) -> None:
    """It names nothing any more that could be waited for."""
    night()
    store = open_runtime().store
    [key] = [key for key in store.keys("batches") if key.endswith(".json")]
    store.put(key, b"{}")
    report = compiled()
    assert report.sessions.new == SESSIONS
    assert f"{key} is damaged" in report.degraded[0]
    assert list(store.keys("batches")) == []


@pytest.mark.parametrize("taken", [True, False], ids=["taken", "not taken"])
def test_a_lost_answer_to_a_submission_is_looked_for_at_the_provider(
    server: PricedServer, taken: bool
) -> None:
    """The batch is found by its calls once it has ended; where the provider has none, everything is asked."""
    server.faults = first(Fault("truncated" if taken else "reset"))
    assert night().refused
    assert night().batches == 0
    if taken:
        assert compiled().sessions.new == 0
        server.end_batches()
    report = compiled()
    assert report.sessions.new == SESSIONS
    assert (live(server) == 0) == taken
    assert asked_twice(server) == []
    assert report.llm.usd == pytest.approx(server.usd)


def _killed_after(module: Any, name: str) -> Callable[[pytest.MonkeyPatch], None]:
    return lambda patch: patch.setattr(module, name, _then_killed(getattr(module, name)))


def _then_killed(real: Callable[..., Any]) -> Callable[..., Any]:
    def deed(*arguments: Any, **options: Any) -> Any:
        real(*arguments, **options)
        raise KilledError

    async def waited_deed(*arguments: Any, **options: Any) -> Any:
        await real(*arguments, **options)
        raise KilledError

    return waited_deed if asyncio.iscoroutinefunction(real) else deed


@pytest.mark.parametrize(
    "kill",
    [
        _killed_after(submit, "new_record"),
        _killed_after(AnthropicClient, "submit"),
        _killed_after(submit, "write_id"),
        _killed_after(AnthropicClient, "collect"),
        _killed_after(settle, "remember"),
        _killed_after(DirectSteps, "summarize"),
        _killed_after(DirectSteps, "publish"),
        _killed_after(settle, "close_batch"),
    ],
    ids=["recorded", "taken", "named", "fetched", "kept", "mapped", "published", "closing"],
)
def test_killed_anywhere_nothing_is_paid_twice(
    server: PricedServer, kill: Callable[[pytest.MonkeyPatch], None]
) -> None:
    """The night or a compile dies right after one deed; those after it finish the work, no question answered twice."""
    server.polls = 1
    with pytest.MonkeyPatch.context() as patch:
        kill(patch)
        with pytest.raises(KilledError):
            night_and_morning()
    night_and_morning()
    assert len(entries(open_runtime())) == SESSIONS
    assert asked_twice(server) == []
    assert list(open_runtime().store.keys("batches")) == []


def test_a_store_that_fails_while_records_go_loses_nothing(
    server: PricedServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The generation stands; the next compile takes the same answers again, and asks nothing."""
    server.polls = 1
    night()

    def refused(store: object, key: str) -> None:
        raise StoreError("no")

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(settle, "close_batch", refused)
        with pytest.raises(StoreError):
            compiled()
    asked = len(server.calls)
    compiled()
    assert len(server.calls) == asked
    assert open_batches(open_runtime().store, PROJECT) == ([], [])


def test_a_batch_for_another_model_is_left_alone_until_its_results_are_gone(
    server: PricedServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Nobody waits for it; where the setting comes back, its answers are there."""
    handed = night()
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("RLM_CONTEXT_MODELS__MAP", "anthropic:claude-haiku-5-5")
        assert compiled().sessions.new == SESSIONS
        assert projects_with_batches(open_runtime().store) == [PROJECT]
    server.end_batches()
    assert compiled().batched.calls == handed.calls
    assert live(server) == 0


def test_what_is_forgotten_while_a_batch_runs_is_not_kept(server: PricedServer) -> None:
    """Its answers are paid, and go nowhere; the other sessions are compiled."""
    handed = night()
    runtime = open_runtime()
    receipts = receipt_keys(runtime.store, PROJECT)
    forget_sessions(runtime.store, [read_receipt(runtime.store, receipts[0]).session_id])
    server.end_batches()
    report = compiled()
    assert report.sessions.new == SESSIONS - 1
    assert report.batched.calls == handed.calls
    kept = sum(1 for _ in runtime.store.keys(f"memo/{REPLY}"))
    assert kept < counted(server.calls).total()
    assert asked_twice(server) == []
