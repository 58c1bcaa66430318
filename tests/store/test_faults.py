"""Faults at every step: what was acknowledged is never lost, and readers see whole things."""

import errno
import os
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from data_models.errors import KeyMissingError, StoreError, StoreFullError
from store.generations import heads, newest, publish, read_catalog
from store.local import LocalStore
from store.memory import MemoryStore
from store.protocol import Store
from store.receipts import receipt_keys
from store.spool import Spool
from tests.store.faulty import Fault, FaultyStore
from tests.store.samples import PROJECT, compile_like, make_manifest, make_receipt, slim_of

_faults = st.lists(st.sampled_from(["none", "refused", "answer lost", "half of a batch"]), max_size=25)


def until_done(action: object, *arguments: object) -> object:
    """Repeat an action as its caller would, until the store lets it through."""
    for _ in range(60):
        try:
            return action(*arguments)  # type: ignore[operator]
        except StoreError:
            continue
    raise AssertionError("the plan of faults is shorter than this")


@settings(deadline=None, max_examples=60)
@given(plan=_faults, sessions=st.integers(1, 6))
def test_no_upload_is_lost_to_faults(
    tmp_path_factory: pytest.TempPathFactory, plan: list[Fault], sessions: int
) -> None:
    """Whatever fails, each upload ends up in a generation, and only then leaves the spool."""
    store = FaultyStore(MemoryStore(), plan)
    spool = Spool(tmp_path_factory.mktemp("faults") / "spool")
    for index in range(sessions):
        spool.add(make_receipt(f"s{index}"), slim_of(f"s{index}"), store.url)
        try:
            spool.flush(store)
        except StoreError:
            assert len(spool.pending()) == index + 1
        assert spool.acknowledge(store) == 0
    assert until_done(spool.flush, store) == receipt_keys(store, PROJECT)
    until_done(compile_like, store)
    generation = newest(store, PROJECT)
    assert generation is not None
    assert {session for _, session in read_catalog(store, [generation.manifest])} == {
        f"s{index}" for index in range(sessions)
    }
    assert spool.acknowledge(store) == sessions
    assert spool.pending() == []


@pytest.mark.parametrize("fault", ["refused", "answer lost"])
def test_publishing_again_after_a_fault(fault: Fault) -> None:
    """A publish whose answer was lost may be repeated: one generation, the same key."""
    inner = MemoryStore()
    manifest = make_manifest(inner)
    store = FaultyStore(inner, [fault])
    with pytest.raises(StoreError):
        publish(store, manifest)
    key = publish(store, manifest)
    assert [generation.key for generation in heads(store, PROJECT)] == [key]


def test_what_is_listed_late_is_compiled_later(tmp_path: Path) -> None:
    """A receipt and a sibling that a listing does not show yet are in the chain once it does."""
    store = FaultyStore(MemoryStore())
    spool = Spool(tmp_path / "spool")
    spool.add(make_receipt("seen"), slim_of("seen"), store.url)
    spool.flush(store)
    hidden_sibling = compile_like(store)
    spool.add(make_receipt("late"), slim_of("late"), store.url)
    late = spool.flush(store)[0]
    store.invisible = {late, hidden_sibling}
    compile_like(store)
    store.invisible = set()
    assert spool.acknowledge(store) <= 1
    compile_like(store)
    generation = newest(store, PROJECT)
    assert generation is not None
    assert {session for _, session in read_catalog(store, [generation.manifest])} == {"seen", "late"}
    spool.acknowledge(store)
    assert spool.pending() == []


@pytest.mark.parametrize("code", [errno.ENOSPC, errno.EDQUOT, errno.EROFS, errno.EACCES])
@pytest.mark.parametrize("call", ["open", "write", "fsync", "replace", "mkdir"])
def test_a_full_or_forbidden_disk(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, code: int, call: str
) -> None:
    """No space or no permission at any step: a clear error with the next command, nothing half-written."""
    store = LocalStore(tmp_path / "store")
    store.put("a/old", b"old")

    def fail(*_: object, **__: object) -> None:
        raise OSError(code, os.strerror(code))

    with monkeypatch.context() as patch:
        patch.setattr(os, call, fail)
        with pytest.raises(StoreFullError) as caught:
            store.put_many([("a/old", b"new"), ("b/new", b"new")])
    assert caught.value.next_command
    assert store.get("a/old") == b"old"
    with pytest.raises(KeyMissingError):
        store.get("b/new")
    assert not any((tmp_path / "store" / ".tmp").iterdir())
    store.put_many([("a/old", b"new"), ("b/new", b"new")])
    assert store.get("a/old") == store.get("b/new") == b"new"


def test_a_short_write_is_finished(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """write(2) may take fewer bytes than given; the object is whole all the same."""
    real_write = os.write
    monkeypatch.setattr(os, "write", lambda descriptor, data: real_write(descriptor, bytes(data[:7])))
    store: Store = LocalStore(tmp_path / "store")
    store.put("a", b"more than seven bytes")
    assert store.get("a") == b"more than seven bytes"


def test_a_full_disk_keeps_the_spool(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """An upload that does not fit into the spool is refused, those before it stay."""
    spool = Spool(tmp_path / "spool")
    spool.add(make_receipt("first"), slim_of("first"), "memory://")

    def full(_: int) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr(os, "fsync", full)
        with pytest.raises(StoreFullError):
            spool.add(make_receipt("second"), slim_of("second"), "memory://")
    assert [job.receipt.session_id for job in spool.pending()] == ["first"]
    assert spool.dead() == 0
