"""Looking after a store: what is damaged is named, what is needed stays, a copy is the same store."""

import asyncio
from collections.abc import Callable, Iterable
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import pytest

from compiler.local_copy import refresh
from compiler.maintenance import garbage
from compiler.maintenance.copy import copy_store
from compiler.maintenance.verify import verify_store
from compiler.pipeline import compile_project
from compiler.runtime import Runtime, open_runtime
from compiler.steps import DirectSteps
from compiler.turn import compile_lease
from compiler.uploading.upload import upload
from data_models.errors import KeyMissingError, StoreError
from store import leases
from store.cached import CachedStore, CopyCache
from store.counted import CountedStore
from store.generations import newest, read_catalog
from store.keys import is_written_once
from store.leases import acquire
from store.local import LocalStore
from store.memory import MemoryStore
from tests.synthetic import write_session, write_team

DAY = 86_400.0


@pytest.fixture
def team(tmp_path: Path) -> Path:
    return write_team(tmp_path / "team", 6)


@pytest.fixture
def runtime(home: Path) -> Runtime:
    return open_runtime()


def compile_all(runtime: Runtime, team: Path, *, full: bool = False) -> None:
    upload(runtime, [team], project="shop")
    asyncio.run(compile_project(runtime, "shop", DirectSteps(runtime), full=full))


def add_session(team: Path, number: int) -> None:
    """One more session of a new id."""
    path = team / "ann" / "projects" / "-src-shop" / f"0b0b0b0b-0000-4000-8000-{number:012x}.jsonl"
    write_session(
        path, session_id=path.stem, start=datetime(2026, 1, 6, tzinfo=UTC), turns=3, seed=77 + number
    )


def brief_of(runtime: Runtime) -> str:
    copy = refresh(runtime, "shop")
    assert copy is not None
    return copy.read("brief.md")


def test_a_sound_store_verifies(runtime: Runtime, team: Path) -> None:
    """Every object is read, none is at fault."""
    compile_all(runtime, team)
    found = verify_store(runtime)
    assert found.objects == len(list(runtime.store.keys("")))
    assert found.faults == []


@pytest.mark.parametrize("folder", ["blobs", "inbox", "gen", "memo", "store.json"])
def test_what_was_cut_short_is_named(runtime: Runtime, team: Path, folder: str) -> None:
    """Whatever kind of object it is in, its key is told with what brings it back."""
    compile_all(runtime, team)
    key = next(key for key in runtime.store.keys("") if key.startswith(folder))
    runtime.store.put(key, runtime.store.get(key)[:-3])
    faults = {fault.key: fault for fault in verify_store(runtime).faults}
    assert key in faults
    assert ("restore" if folder == "store.json" else "rlm-context compile --full") in faults[key].remedy


def test_what_is_missing_is_named_with_the_spool_that_holds_it(runtime: Runtime, team: Path) -> None:
    """A slim transcript that is gone: the uploader's spool has it until a generation holds it."""
    upload(runtime, [team], project="shop")
    job = runtime.spool.pending()[0]
    runtime.store.delete(job.receipt.slim.key)
    (fault,) = verify_store(runtime).faults
    assert fault.key == job.receipt.slim.key
    assert "spool" in fault.remedy


def cut(data: bytes) -> bytes:
    return data[:-3]


def flip(data: bytes) -> bytes:
    return bytes([data[0] ^ 1]) + data[1:]


@pytest.mark.parametrize("url", ["", "memory://damaged"])
@pytest.mark.parametrize("what", ["slim", "receipt", "parquet", "segment", "brief", "part"])
@pytest.mark.parametrize("how", [cut, flip, None])
def test_the_remedy_mends_it(
    url: str,
    what: str,
    how: Callable[[bytes], bytes] | None,
    home: Path,
    team: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """No spool has it any more, also where the store is elsewhere: what `verify` says to do brings it back."""
    if url:
        monkeypatch.setenv("RLM_CONTEXT_STORE", f"{url}-{what}-{how}")
    runtime = open_runtime()
    compile_all(runtime, team)
    assert runtime.spool.acknowledge(runtime.store) == 6
    key = one_of(what, runtime)
    data = runtime.store.get(key)
    runtime.store.delete(key)
    if how:
        runtime.store.put(key, how(data))
    faults = verify_store(runtime).faults
    if what == "receipt" and not how:
        assert faults == []  # the generation holds it
        return
    (fault,) = faults
    assert fault.key == key
    assert fault.reason == ("its bytes do not fit its name" if how else "it is missing")
    assert fault.remedy.startswith("remove it, then ") == bool(how)
    assert "rlm-context compile --full" in fault.remedy
    if how:
        runtime.store.delete(key)
    fresh = open_runtime()
    upload(fresh, [team], project="shop", again=True)
    asyncio.run(compile_project(fresh, "shop", DirectSteps(fresh), full=True))
    assert verify_store(fresh).faults == []
    if what != "part":  # a new generation has a catalog of its own
        assert fresh.store.get(key) == data


def one_of(what: str, runtime: Runtime) -> str:
    """The key of one of the objects of a kind."""
    generation = newest(runtime.store, "shop")
    assert generation is not None
    entry = next(iter(read_catalog(runtime.store, [generation.manifest]).values()))
    return {
        "slim": entry.slim.key,
        "receipt": entry.receipt,
        "parquet": entry.parquet.key,
        "segment": generation.manifest.segments[0].blob.key,
        "brief": generation.manifest.texts["brief"].key,
        "part": generation.manifest.parts[0].key,
    }[what]


def test_a_sound_copy_hides_no_damage(runtime: Runtime, team: Path, tmp_path: Path) -> None:
    """What is read back is the store, not what this machine keeps of it."""
    compile_all(runtime, team)
    key = next(iter(runtime.store.keys("blobs")))
    copies = CachedStore(runtime.store, CopyCache(tmp_path / "copies", 1 << 30))
    copies.get(key)
    runtime.store.put(key, flip(runtime.store.get(key)))
    with_copies = replace(runtime, store=CountedStore(copies))
    assert with_copies.store.get(key) != runtime.store.get(key)
    assert [fault.key for fault in verify_store(with_copies).faults] == [key]


def test_garbage_goes_only_when_it_was_found_before(runtime: Runtime, team: Path) -> None:
    """The first run notes, a run within the day leaves it, a later one removes it."""
    compile_all(runtime, team)
    stray = runtime.store
    stray.put("blobs/sha256/ab/ab" + "0" * 62, b"nobody names this")
    assert garbage.collect(runtime).removed == 0
    assert garbage.collect(runtime).removed == 0
    assert garbage.collect(runtime, grace=0).removed > 0
    assert stray.size("blobs/sha256/ab/ab" + "0" * 62) is None


def test_what_is_kept_works_as_before(runtime: Runtime, team: Path) -> None:
    """After old generations are gone the newest is whole, a compile finds nothing new, and uploads are all there."""
    for number in range(4):
        add_session(team, number)
        compile_all(runtime, team)
    before = brief_of(runtime)
    size = sum(runtime.store.size(key) or 0 for key in runtime.store.keys(""))
    garbage.collect(runtime, keep=1, grace=0)
    assert sum(runtime.store.size(key) or 0 for key in runtime.store.keys("")) < size
    assert verify_store(runtime).faults == []
    assert len(list(runtime.store.keys("gen"))) == 1
    fresh = open_runtime()
    report = asyncio.run(compile_project(fresh, "shop", DirectSteps(fresh)))
    assert report.sessions.new == 0
    assert brief_of(fresh) == before
    compile_all(fresh, team, full=True)
    assert brief_of(fresh) == before


def test_an_upload_that_no_generation_holds_stays(runtime: Runtime, team: Path) -> None:
    """Unpublished receipts and their transcripts are never garbage, however old."""
    compile_all(runtime, team)
    add_session(team, 1)
    upload(runtime, [team], project="shop")
    garbage.collect(runtime, keep=1, grace=0)
    assert verify_store(runtime).faults == []
    report = asyncio.run(compile_project(open_runtime(), "shop", DirectSteps(open_runtime())))
    assert report.sessions.new == 1


def test_a_dry_run_removes_and_notes_nothing(runtime: Runtime, team: Path) -> None:
    """It tells what the real run would do."""
    for number in range(2):
        add_session(team, number)
        compile_all(runtime, team)
    keys = list(runtime.store.keys(""))
    told = garbage.collect(runtime, keep=1, grace=0, dry_run=True)
    assert list(runtime.store.keys("")) == keys
    assert garbage.collect(runtime, keep=1, grace=0).removed == told.removed > 0


def test_nothing_is_removed_during_a_compile(runtime: Runtime, team: Path) -> None:
    """Somebody's lease on a project is respected, and the leases taken before it are given back."""
    compile_all(runtime, team)
    lease = acquire(runtime.store, compile_lease("shop"), 60)
    assert lease is not None
    with pytest.raises(StoreError, match="being compiled"):
        garbage.collect(runtime, grace=0)
    lease.release()
    garbage.collect(runtime, grace=0)


def test_the_leases_last_as_long_as_it_takes(
    runtime: Runtime, team: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """However slow the store is, no compile begins while something is removed."""
    for number in range(3):
        add_session(team, number)
        compile_all(runtime, team)
    now = [1_900_000_000.0]
    monkeypatch.setattr(leases.time, "time", lambda: now[0])
    monkeypatch.setattr(garbage.time, "monotonic", lambda: now[0])
    refused: list[bool] = []

    class Slow(CountedStore):
        def delete(self, key: str) -> None:
            if not key.startswith("leases/"):
                now[0] += 400
                refused.append(acquire(runtime.store, compile_lease("shop"), 60) is None)
            super().delete(key)

    garbage.collect(replace(runtime, store=Slow(runtime.store)), keep=1, grace=0)
    assert len(refused) > 3
    assert all(refused)


def test_what_somebody_planted_does_not_stop_it(runtime: Runtime, team: Path) -> None:
    """A folder of no project with something like a manifest in it, and a note that cannot be read."""
    compile_all(runtime, team)
    runtime.store.put("gen/planted/0000000001-00000000.json", b"garbage")
    runtime.store.put(garbage.NOTE, b'{"since":' + b"[" * 9000)
    assert garbage.collect(runtime, keep=1, grace=0).kept_generations == 1
    assert runtime.store.size("gen/planted/0000000001-00000000.json") == 7


def test_a_project_none_of_whose_generations_can_be_read_stops_it(runtime: Runtime, team: Path) -> None:
    """They may have named what the garbage seems to be."""
    compile_all(runtime, team)
    for key in list(runtime.store.keys("gen")):
        runtime.store.put(key, b"garbage")
    before = list(runtime.store.keys("blobs"))
    with pytest.raises(StoreError, match="no generation of shop"):
        garbage.collect(runtime, keep=1, grace=0)
    assert list(runtime.store.keys("blobs")) == before


def test_a_copy_is_the_same_store(runtime: Runtime, team: Path) -> None:
    """Into a backend of another kind and back: the same objects, the same brief; a second run copies nothing."""
    compile_all(runtime, team)
    away, back = MemoryStore("memory://away"), LocalStore(runtime.home / "back")
    first = copy_store(runtime.store, away)
    assert first.faults == []
    assert copy_store(runtime.store, away).copied == 0
    copy_store(away, back)
    kept = [key for key in runtime.store.keys("") if not key.startswith(("leases/", "notes/"))]
    assert sorted(back.keys("")) == kept
    assert all(back.get(key) == runtime.store.get(key) for key in kept)
    assert newest(back, "shop") == newest(runtime.store, "shop")


def test_a_copy_that_was_cut_off_shows_no_half(runtime: Runtime, team: Path) -> None:
    """At whatever object it stops, every receipt and generation in the target has its bytes; the next run ends it."""
    compile_all(runtime, team)
    total = len(list(runtime.store.keys("")))
    for limit in range(1, total, 7):
        target = Limited(limit)
        with pytest.raises(StoreError):
            copy_store(runtime.store, target)
        for key in target.keys("gen"):
            assert key
            assert newest(target, "shop") is not None
        target.left = 10 * total
        copy_store(runtime.store, target)
        assert newest(target, "shop") == newest(runtime.store, "shop")


def test_what_a_later_version_keeps_is_copied_too(runtime: Runtime, team: Path) -> None:
    """A folder that this version does not know is part of the store; what is of the moment is not."""
    compile_all(runtime, team)
    for folder in ("another", "leases", "notes"):
        runtime.store.put(f"{folder}/kind/of.object", b"x")
    target = MemoryStore("memory://later")
    copy_store(runtime.store, target)
    assert target.size("another/kind/of.object") == 1
    assert not {"leases", "notes"} & set(target.folders())


def test_where_there_is_no_store_nothing_is_copied(tmp_path: Path) -> None:
    """A mistyped FROM is an error, not an empty copy."""
    with pytest.raises(StoreError, match="there is no store"):
        copy_store(LocalStore(tmp_path / "typo"), MemoryStore("memory://nothing"))


def test_damage_is_not_copied_and_is_named(runtime: Runtime, team: Path) -> None:
    """Everything else is copied."""
    compile_all(runtime, team)
    key = next(iter(runtime.store.keys("blobs")))
    runtime.store.put(key, b"rubbish")
    target = MemoryStore("memory://target")
    done = copy_store(runtime.store, target)
    assert [fault.key for fault in done.faults] == [key]
    with pytest.raises(KeyMissingError):
        target.get(key)
    written = [key for key in runtime.store.keys("") if is_written_once(key) and not key.startswith("leases")]
    assert len([key for key in target.keys("") if is_written_once(key)]) == len(written) - 1


class Limited(MemoryStore):
    """Fails once it was given so many objects, as a full disk does."""

    def __init__(self, left: int) -> None:
        super().__init__("memory://limited")
        self.left = left

    def put_many(self, items: Iterable[tuple[str, bytes]]) -> None:
        for key, data in items:
            if self.left <= 0:
                raise StoreError("full")
            self.left -= 1
            super().put_many([(key, data)])
