"""Every backend keeps the contracts of a store."""

import os
import stat
from pathlib import Path

import pytest

from data_models.errors import KeyMissingError
from store.counted import CountedStore
from store.local import LocalStore
from store.memory import MemoryStore
from store.protocol import Store
from tests.store.conformance import StoreConformance
from tests.store.faulty import FaultyStore


class TestMemory(StoreConformance):
    """The store in memory."""

    def make_store(self, folder: Path) -> Store:
        return MemoryStore()


class TestCounted(StoreConformance):
    """The wrapper that counts bytes."""

    def make_store(self, folder: Path) -> Store:
        return CountedStore(MemoryStore())

    def test_bytes_are_counted(self) -> None:
        """What was put counts, once for each put."""
        store = CountedStore(MemoryStore())
        store.put("a", b"123")
        store.put_many([("b", b"4"), ("c", b"")])
        assert store.written == 4


class TestFaultyWithoutFaults(StoreConformance):
    """The wrapper that injects faults changes nothing else."""

    def make_store(self, folder: Path) -> Store:
        return FaultyStore(MemoryStore())


class TestLocal(StoreConformance):
    """The store in a folder."""

    def make_store(self, folder: Path) -> Store:
        return LocalStore(folder)

    def test_only_the_owner_may_read(self, tmp_path: Path) -> None:
        """Files are 0600 and folders 0700, whatever the umask says."""
        before = os.umask(0)
        try:
            LocalStore(tmp_path / "deep" / "store").put("a/b/c", b"x")
        finally:
            os.umask(before)
        for path in (tmp_path / "deep").rglob("*"):
            expected = 0o700 if path.is_dir() else 0o600
            assert stat.S_IMODE(path.stat().st_mode) == expected, path

    def test_what_others_planted_is_not_there(self, tmp_path: Path) -> None:
        """Links, pipes, hidden files and names that are no keys are neither listed nor read."""
        store = LocalStore(tmp_path / "store")
        store.put("a/real", b"x")
        folder = tmp_path / "store" / "a"
        (tmp_path / "secret").write_text("not in the store")
        (folder / "link").symlink_to(tmp_path / "secret")
        (folder / "loop").symlink_to(folder)
        os.mkfifo(folder / "pipe")
        (folder / ".hidden").write_text("")
        Path(os.fsdecode(os.fsencode(folder) + b"/\xff\xfe")).write_text("")
        (folder / "new\nline").write_text("")
        assert list(store.keys()) == ["a/real"]
        assert list(store.folders()) == ["a"]
        assert list(store.folders("a")) == []
        for name in ("link", "loop", "pipe"):
            with pytest.raises(KeyMissingError):
                store.get(f"a/{name}")
            assert store.size(f"a/{name}") is None
            store.delete(f"a/{name}")
        assert (tmp_path / "secret").exists()

    def test_old_leftovers_are_swept(self, tmp_path: Path) -> None:
        """Temporary files of killed writers go after a day; those of living writers stay."""
        store = LocalStore(tmp_path / "store")
        store.put("a", b"x")
        old, young = (tmp_path / "store" / ".tmp" / name for name in ("old.1", "young.2"))
        for path in (old, young):
            path.write_bytes(b"half")
        os.utime(old, (1, 1))
        assert list(store.keys()) == ["a"]
        assert store.sweep() == 1
        assert young.exists()
        assert not old.exists()

    def test_no_temporary_file_is_left(self, tmp_path: Path) -> None:
        """After puts the folder for temporary names is empty."""
        store = LocalStore(tmp_path / "store")
        store.put_many((f"a/{index}", b"x") for index in range(300))
        assert list((tmp_path / "store" / ".tmp").iterdir()) == []
