"""A store whose volume is mounted: what is sound there is not asked of the store, and nothing is written there."""

from pathlib import Path

import pytest

from data_models.errors import KeyMissingError
from store.blobs import get_blob, put_blob
from store.counted import CountedStore
from store.memory import MemoryStore
from store.mounted import MountedStore
from store.protocol import Store
from tests.store.conformance import StoreConformance


class TestMounted(StoreConformance):
    """A store with a mount keeps the contracts of a store."""

    def make_store(self, folder: Path) -> Store:
        return MountedStore(MemoryStore(), folder / "mount")


def test_only_sound_blobs_are_read_from_the_mount(tmp_path: Path) -> None:
    """A blob that the mount shows costs the store nothing; a damaged or missing one, and a mutable key, are asked."""
    remote, mount = CountedStore(MemoryStore()), tmp_path / "mount"
    store = MountedStore(remote, mount)
    ref = put_blob(store, b"events")
    assert not mount.exists()
    path = mount / ref.key
    path.parent.mkdir(parents=True)
    for held, asked in ((b"events", 0), (b"evens", ref.size)):
        path.write_bytes(held)
        before = remote.read
        assert get_blob(store, ref) == b"events"
        assert remote.read - before == asked
    (tmp_path / "store.json").write_bytes(b"out of date")
    with pytest.raises(KeyMissingError):
        store.get("store.json")
