"""With models: answers that may know of a forgotten session go, those of the others are not paid again."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from compiler.account import REPLY
from compiler.forgetting.home import purge_home
from compiler.forgetting.purge import purge
from compiler.models.batches.settle import Settled
from compiler.runtime import open_runtime
from compiler.uploading.upload import upload
from compiler.work import Plan
from store.tombstones import forget_sessions
from tests.compiler.models.server_model import MAP, TREE, counted
from tests.flows.models import use
from tests.forget.conftest import compile_shop
from tests.forget.words import found_in, session_id_of, word_of
from tests.rlm.servers.priced import PricedServer


@pytest.fixture
def server(monkeypatch: pytest.MonkeyPatch) -> Iterator[PricedServer]:
    with PricedServer() as running:
        use(running, monkeypatch)
        yield running


def test_answers_of_others_are_kept(server: PricedServer, source: Path) -> None:
    """No answer holds a word of it; making everything anew asks for no summary, digest or rollup again."""
    runtime = open_runtime()
    upload(runtime, [source], project="shop")
    compile_shop(runtime)
    assert any(REPLY in place for place in found_in(runtime.home, [word_of(1)])[word_of(1)])
    forget_sessions(runtime.store, [session_id_of(1)])
    compile_shop(runtime)
    purged = purge(runtime)
    purge_home(runtime, again=True)
    assert purged.answers > 0
    assert found_in(runtime.home, [word_of(1)]) == {}
    before = counted(call for call, _ in server.said)
    compile_shop(runtime, full=True)
    again = counted(call for call, _ in server.said) - before
    assert before[MAP]
    assert before[TREE]
    assert again[MAP] == again[TREE] == 0


def test_without_models_no_answer_can_be_told_apart(
    server: PricedServer, source: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Where rules summarise now, the answers of an earlier time all go."""
    runtime = open_runtime()
    upload(runtime, [source], project="shop")
    compile_shop(runtime)
    monkeypatch.setenv("RLM_CONTEXT_BACKEND", "extractive")
    runtime = open_runtime()
    forget_sessions(runtime.store, [session_id_of(1)])
    compile_shop(runtime)
    asked = len(server.said)
    purge(runtime)
    purge_home(runtime, again=True)
    assert found_in(runtime.home, [word_of(1)]) == {}
    assert len(server.said) == asked


def test_nothing_waits_for_a_batch_where_something_was_forgotten() -> None:
    """A generation without the sessions that wait would hold less than readers have."""
    todo = Plan(project="shop", parents=("x",), number=2, new=("a", "b"), total=2, drops=True)
    waiting = Settled(waiting=frozenset({("a",)}))
    assert waiting.leave(open_runtime(), todo) == todo
