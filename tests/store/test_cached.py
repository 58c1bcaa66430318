"""Copies of blobs on this machine: nothing comes down twice, and a copy never hides what the store lost."""

import os
import random
import stat
from pathlib import Path
from types import SimpleNamespace

import pytest

from data_models.errors import DamagedError, KeyMissingError
from store import cached
from store.blobs import blob_ref, get_blob, has_sound_blob, put_blob
from store.cached import CachedStore, CopyCache
from store.counted import CountedStore
from store.local import LocalStore
from store.memo import Memo
from store.memory import MemoryStore
from store.protocol import Store
from tests.store.conformance import StoreConformance
from tests.store.forked import FORKED

BOUND = 1 << 20


class TestCached(StoreConformance):
    """A store read through the cache keeps the contracts of a store."""

    def make_store(self, folder: Path) -> Store:
        return CachedStore(MemoryStore(), CopyCache(folder / "cache", BOUND))


@pytest.fixture
def remote() -> CountedStore:
    return CountedStore(MemoryStore())


def opened(remote: Store, folder: Path) -> CachedStore:
    """The store as another process opens it: with the same copies, and nothing in mind."""
    return CachedStore(remote, CopyCache(folder / "cache", BOUND))


def test_a_blob_comes_down_once(remote: CountedStore, tmp_path: Path) -> None:
    """The second read, also in another process, moves no bytes; only the owner may read the copy."""
    ref = put_blob(remote, b"catalog part")
    for _ in range(3):
        store = opened(remote, tmp_path)
        assert [get_blob(store, ref) for _ in range(2)] == [b"catalog part"] * 2
    assert remote.read == ref.size
    paths = list((tmp_path / "cache").rglob("*"))
    assert {stat.S_IMODE(path.stat().st_mode) for path in paths if path.is_file()} == {0o600}
    assert {stat.S_IMODE(path.stat().st_mode) for path in paths if path.is_dir()} == {0o700}


def test_a_result_comes_down_once(remote: CountedStore, tmp_path: Path) -> None:
    """Results in memo are copied too; one that is put anew is read anew, a damaged or removed one is a miss."""
    digest = "ab" * 32
    Memo(remote).put("map", digest, b"paid")
    for _ in range(3):
        memo = Memo(opened(remote, tmp_path))
        assert [memo.get("map", digest) for _ in range(2)] == [b"paid"] * 2
    assert remote.read == 32 + len(b"paid")
    memo.put("map", digest, b"PAID")
    assert memo.get("map", digest) == b"PAID"
    remote.put(f"memo/map/ab/{digest}", b"damaged")
    assert Memo(opened(remote, tmp_path)).get("map", digest) is None
    remote.delete(f"memo/map/ab/{digest}")
    assert Memo(opened(remote, tmp_path)).get("map", digest) is None


def test_what_may_change_is_not_copied(remote: CountedStore, tmp_path: Path) -> None:
    """Receipts, manifests and names that only look like blobs are read from the store each time."""
    store = opened(remote, tmp_path)
    for key in ("gen/p/0000000001-00000000.json", "blobs/sha256/ab/" + "cd" * 32, "blobs/sha256/ab/x"):
        store.put(key, b"1")
        assert store.get(key) == b"1"
        store.put(key, b"2")
        assert store.get(key) == b"2"
    assert not (tmp_path / "cache").exists()


def test_what_we_wrote_is_read_back_once(remote: CountedStore, tmp_path: Path) -> None:
    """A put leaves no copy: the first read shows what the store really holds."""
    store = opened(remote, tmp_path)
    ref = put_blob(store, b"ours")
    assert remote.read == 0
    remote.put(ref.key, b"torn")
    with pytest.raises(DamagedError):
        get_blob(store, ref)


def test_a_copy_does_not_hide_a_loss(remote: CountedStore, tmp_path: Path) -> None:
    """A blob that the store lost is missing, whatever copies there are, and is put again when it is needed."""
    ref = put_blob(remote, b"lost later")
    get_blob(opened(remote, tmp_path), ref)
    remote.delete(ref.key)
    store = opened(remote, tmp_path)
    with pytest.raises(KeyMissingError):
        get_blob(store, ref)
    assert not has_sound_blob(store, ref)
    put_blob(store, b"lost later")
    assert get_blob(store, ref) == b"lost later"


def test_a_process_asks_again_after_a_while(
    remote: CountedStore, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A process that lives long does not go on believing in what it saw at its start."""
    clock = [1000.0]
    # In the module that looks at it: other threads' clocks go on.
    monkeypatch.setattr(cached, "time", SimpleNamespace(monotonic=lambda: clock[0]))
    ref = put_blob(remote, b"seen")
    store = opened(remote, tmp_path)
    get_blob(store, ref)
    remote.delete(ref.key)
    assert get_blob(store, ref) == b"seen"
    clock[0] += 301
    with pytest.raises(KeyMissingError):
        get_blob(store, ref)


def test_damage_is_fetched_anew(remote: CountedStore, tmp_path: Path) -> None:
    """A damaged copy is replaced, and damaged bytes of the store never become a copy."""
    ref = put_blob(remote, b"sound")
    get_blob(opened(remote, tmp_path), ref)
    (path,) = (path for path in (tmp_path / "cache").rglob("*") if path.is_file())
    for damaged in (b"s0und", b"", b"sound and more"):
        path.write_bytes(damaged)
        assert get_blob(opened(remote, tmp_path), ref) == b"sound"
        assert path.read_bytes() == b"sound"
    path.unlink()
    remote.put(ref.key, b"s0und")
    for _ in range(2):
        with pytest.raises(DamagedError):
            get_blob(opened(remote, tmp_path), ref)
    assert not path.exists()


def test_damage_that_cannot_be_removed_is_no_copy(
    remote: CountedStore, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Another process was quicker, or the folder may only be read: a damaged copy is not given out all the same."""
    ref = put_blob(remote, b"sound")
    get_blob(opened(remote, tmp_path), ref)
    (path,) = (path for path in (tmp_path / "cache").rglob("*") if path.is_file())
    path.write_bytes(b"s0und")

    def gone(self: Path, missing_ok: bool = False) -> None:
        if not missing_ok:
            raise FileNotFoundError(self)

    monkeypatch.setattr(Path, "unlink", gone)
    assert get_blob(opened(remote, tmp_path), ref) == b"sound"


def test_deleting_takes_the_copy_along(remote: CountedStore, tmp_path: Path) -> None:
    """What was deleted through this store is gone here and there."""
    store = opened(remote, tmp_path)
    ref = put_blob(store, b"gone")
    get_blob(store, ref)
    store.delete(ref.key)
    with pytest.raises(KeyMissingError):
        get_blob(store, ref)
    assert not any(path.is_file() for path in (tmp_path / "cache").rglob("*"))


def test_the_bound_is_kept(tmp_path: Path) -> None:
    """The least recently used copies make room; an object that would take more than an eighth is not kept."""
    folder = tmp_path / "cache"
    cache = CopyCache(folder, 8000)
    cache.add(blob_ref(b"x" * 1001).key, b"x" * 1001)
    assert not folder.exists()
    blobs = [bytes([index]) * 900 for index in range(40)]
    favourite = blob_ref(blobs[0]).key
    for index, data in enumerate(blobs):
        before = set(folder.glob("*/*"))
        cache.add(blob_ref(data).key, data)
        for path in set(folder.glob("*/*")) - before:
            os.utime(path, (index, index))
        assert cache.read(favourite) == blobs[0]
        assert sum(path.stat().st_size for path in folder.glob("*/*")) <= 8000
    assert cache.read(blob_ref(blobs[-1]).key) == blobs[-1]
    assert cache.read(blob_ref(blobs[1]).key) is None


def test_a_disk_without_room_costs_the_copy_only(remote: CountedStore, tmp_path: Path) -> None:
    """Where no copy can be kept, the blob still comes."""
    (tmp_path / "cache").write_text("a file where the folder should be")
    ref = put_blob(remote, b"data")
    for _ in range(2):
        assert get_blob(opened(remote, tmp_path), ref) == b"data"


def read_and_evict(folder: Path, seed: int) -> None:
    """Read blobs in some order through a cache that holds few of them."""
    order = random.Random(seed)
    remote = LocalStore(folder / "remote")
    store = CachedStore(remote, CopyCache(folder / "cache", 8000))
    for _ in range(150):
        data = bytes([order.randrange(30)]) * 900
        assert get_blob(store, blob_ref(data)) == data


def test_several_processes_share_the_copies(tmp_path: Path) -> None:
    """Processes that read, keep and evict the same copies at once all get whole blobs."""
    LocalStore(tmp_path / "remote").put_many(
        (blob_ref(data).key, data) for data in (bytes([index]) * 900 for index in range(30))
    )
    processes = [FORKED.Process(target=read_and_evict, args=(tmp_path, seed)) for seed in range(4)]
    for process in processes:
        process.start()
    for process in processes:
        process.join(90)
        assert process.exitcode == 0
    assert sum(path.stat().st_size for path in (tmp_path / "cache").glob("*/*")) <= 2 * 8000
