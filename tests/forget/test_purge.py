"""What is forgotten is found nowhere, and nothing else is lost."""

import asyncio
from pathlib import Path
from typing import Any

import pytest

from compiler.forgetting.home import purge_home
from compiler.forgetting.purge import purge
from compiler.local_copy import Copy, refresh
from compiler.maintenance.verify import verify_store
from compiler.pipeline import compile_project
from compiler.plan import plan
from compiler.runtime import Runtime, open_runtime
from compiler.steps import DirectSteps
from compiler.turn import compile_lease
from compiler.uploading.spooling import FORGOTTEN
from compiler.uploading.upload import upload
from data_models.errors import StoreError
from search.filters import Filters
from search.query import search
from store.generations import history
from store.leases import acquire
from store.tombstones import forget_sessions, read_tombstones
from tests.forget.conftest import compile_shop
from tests.forget.words import found_in, session_id_of, word_of, write_words
from tests.latecomers import leave_a_lock


def copy_of(runtime: Runtime) -> Copy:
    copy = refresh(runtime, "shop")
    assert copy is not None
    return copy


def forget(runtime: Runtime, *numbers: int) -> None:
    forget_sessions(runtime.store, map(session_id_of, numbers))
    compile_shop(runtime)
    purge(runtime)
    purge_home(runtime, again=True)


def kinds(places: list[str]) -> set[str]:
    """The folders that places are in, two levels deep."""
    return {"/".join(place.split("/")[:2]) for place in places}


def test_the_search_finds_words_wherever_they_are(compiled: Runtime) -> None:
    """The words that these tests look for stand in every kind of object, and are found there."""
    found = found_in(compiled.home, [word_of(1)])
    assert {
        "store/blobs", "store/memo", "store/sessions", "store/compiled", "cache/projects", "spool/pending",
    } <= kinds(found[word_of(1)])  # fmt: skip


def test_a_forgotten_session_is_found_nowhere(compiled: Runtime) -> None:
    """Neither in the store nor in the home is a word of it left, and the others have all of theirs."""
    before = {entry.session_id: entry for entry in copy_of(compiled).sessions()}
    forget(compiled, 1)
    assert found_in(compiled.home, [word_of(1)]) == {}
    copy = copy_of(compiled)
    after = {entry.session_id: entry for entry in copy.sessions()}
    assert set(after) == set(before) - {session_id_of(1)}
    for session_id, entry in after.items():
        assert entry.parquet == before[session_id].parquet
        assert entry.digest == before[session_id].digest
        assert entry.receipt == before[session_id].receipt
    for number in (0, 2, 3):
        assert search([copy.index], word_of(number), Filters(), 5)
    assert search([copy.index], word_of(1), Filters(), 5) == []
    assert verify_store(compiled).faults == []
    assert plan(compiled, "shop").has_work is False


def test_forgetting_again_changes_nothing(compiled: Runtime) -> None:
    """The second time there is nothing to do, and nothing is written."""
    forget(compiled, 1)
    before = sorted(compiled.store.keys(""))
    forget(compiled, 1)
    assert sorted(compiled.store.keys("")) == before


def test_all_sessions_can_be_forgotten(compiled: Runtime, source: Path) -> None:
    """Then readers see a generation without any, and a session that comes later stands alone in the next."""
    forget(compiled, 0, 1, 2, 3)
    assert (
        found_in(compiled.home, [word_of(number, state) for number in range(4) for state in range(2)]) == {}
    )
    assert copy_of(compiled).sessions() == []
    assert plan(compiled, "shop").has_work is False


def test_an_upload_of_a_forgotten_session_is_refused(compiled: Runtime, source: Path) -> None:
    """Whoever uploads it again, from whichever machine: it is left out, said so, and kept nowhere."""
    forget(compiled, 1)
    for runtime in (compiled, open_runtime()):
        result = upload(runtime, [source], project="shop", again=True)
        assert [reject.reason for reject in result.skipped] == [FORGOTTEN]
    compile_shop(compiled)
    assert found_in(compiled.home, [word_of(1)]) == {}


def test_a_spool_elsewhere_lets_go_of_what_was_forgotten(
    compiled: Runtime, source: Path, home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A machine that had not sent it yet drops it with its next flush, and sends the rest."""
    monkeypatch.setenv("RLM_CONTEXT_STORE", compiled.store.url)
    monkeypatch.setenv("RLM_CONTEXT_HOME", str(home / "other"))
    other = open_runtime()
    upload(other, [source], project="shop")
    assert len(other.spool.pending()) == 4
    forget_sessions(compiled.store, [session_id_of(2)])
    other.spool.flush(other.store)
    assert {job.receipt.session_id for job in other.spool.pending()} == {session_id_of(n) for n in (0, 1, 3)}


def test_another_machine_lets_go_with_its_next_refresh(
    compiled: Runtime, source: Path, home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its copies of what was forgotten elsewhere are gone once it has fetched what was compiled since."""
    monkeypatch.setenv("RLM_CONTEXT_STORE", compiled.store.url)
    monkeypatch.setenv("RLM_CONTEXT_HOME", str(home / "other"))
    other = open_runtime()
    copy_of(other)
    assert found_in(other.home, [word_of(1)])
    forget(compiled, 1)
    copy_of(other)
    assert found_in(other.home, [word_of(1)]) == {}


def test_who_searches_meanwhile_holds_nothing_up(compiled: Runtime, monkeypatch: pytest.MonkeyPatch) -> None:
    """A lock's file that appears in an index while that is being removed goes with it."""
    index = copy_of(compiled).index
    late = leave_a_lock(monkeypatch, lambda: [index])
    forget(compiled, 1)
    assert late
    assert not index.parent.exists()


def test_generations_that_hold_it_go_and_those_before_stay(compiled: Runtime) -> None:
    """A generation from before the session was uploaded can still be rolled back to."""
    first, second = history(compiled.store, "shop")[0][::-1]
    forget(compiled, 1)
    left = [generation.key for generation in history(compiled.store, "shop")[0]]
    assert first.key in left
    assert second.key not in left


def test_nothing_goes_before_a_compile_without_it_stands(compiled: Runtime) -> None:
    """A project that could not be compiled waits: its readers lose nothing, and the report names it."""
    before = copy_of(compiled).read("brief.md")
    forget_sessions(compiled.store, [session_id_of(1)])
    assert purge(compiled).waiting == ["shop"]
    assert copy_of(compiled).read("brief.md") == before
    assert plan(compiled, "shop").drops
    assert verify_store(compiled).faults == []


def test_a_late_upload_is_removed_by_the_next_purge(compiled: Runtime) -> None:
    """A machine that had looked before the tombstone stood may store the session after it: no compile takes it."""
    jobs = {job.receipt.session_id: job for job in compiled.spool.pending()}
    job = jobs[session_id_of(1)]
    slim = compiled.spool.read_slim(job)
    assert slim is not None
    forget(compiled, 1)
    compiled.store.put(job.receipt.slim.key, slim)
    compiled.store.put(job.key, job.content)
    compile_shop(compiled)
    assert session_id_of(1) not in {entry.session_id for entry in copy_of(compiled).sessions()}
    purge(compiled)
    assert found_in(compiled.home, [word_of(1)]) == {}


def test_a_damaged_tombstone_counts(compiled: Runtime) -> None:
    """What a tombstone names is in its key."""
    forget_sessions(compiled.store, [session_id_of(1)])
    (key,) = compiled.store.keys("tombstones")
    compiled.store.put(key, b"\0")
    assert read_tombstones(compiled.store).hold_session(session_id_of(1))


def test_nothing_is_removed_while_a_compile_runs(compiled: Runtime) -> None:
    """It may rest on what would go: the command says to run it again, and then it does its work."""
    forget_sessions(compiled.store, [session_id_of(1)])
    compile_shop(compiled)
    lease = acquire(compiled.store, compile_lease("shop"), 60)
    assert lease is not None
    before = sorted(compiled.store.keys("blobs"))
    with pytest.raises(StoreError, match="is being compiled") as caught:
        purge(compiled)
    assert "the same command again" in (caught.value.next_command or "")
    assert sorted(compiled.store.keys("blobs")) == before
    lease.release()
    assert purge(compiled).objects > 0


def test_a_compile_of_the_same_moment_ends_without_it(compiled: Runtime, source: Path) -> None:
    """The tombstone comes while it works on something else: it publishes, looks again, and drops the session."""

    class Meanwhile(DirectSteps):
        async def publish(self, *given: Any) -> str:
            forget_sessions(compiled.store, [session_id_of(1)])
            return await super().publish(*given)

    write_words(source, 4)
    upload(compiled, [source / "ann"], project="shop")
    asyncio.run(compile_project(compiled, "shop", Meanwhile(compiled)))
    numbers = [session_id_of(number) for number in (0, 2, 3, 4)]
    assert sorted(entry.session_id for entry in copy_of(compiled).sessions()) == numbers
    purge(compiled)
    purge_home(compiled, again=True)
    assert found_in(compiled.home, [word_of(1)]) == {}
