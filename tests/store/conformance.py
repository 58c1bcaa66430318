"""What every store must do, by the numbers of the contracts in `store/protocol.py`.

A backend's tests derive from `StoreConformance` and give `make_store`:

    class TestMine(StoreConformance):
        def make_store(self, folder): return MyStore(...)
"""

import os
import threading
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from data_models.errors import KeyMissingError, StoreError
from store.protocol import Store

MALFORMED = [
    "",
    "/",
    "/a",
    "a/",
    "a//b",
    "..",
    "a/../b",
    ".",
    "a/.b",
    "a\0b",
    "a\nb",
    "a\\b",
    "\ud800",
    "x" * 256,
]

_segments = st.text("abc-.~!%=+@019", min_size=1, max_size=12).filter(lambda text: text[0] != ".")
# Folders and objects are told apart, as they are in the store's layout: no key is another's folder.
_keys = st.builds(
    lambda folders, name: "/".join([*(f"d{folder}" for folder in folders), f"o{name}"]),
    st.lists(_segments, max_size=3),
    _segments,
)


class StoreConformance:
    """The contracts, one test each."""

    examples = 30
    """Trees of keys whose listings are compared; fewer where every call crosses a network."""

    def make_store(self, folder: Path) -> Store:
        """A new, empty store."""
        raise NotImplementedError

    @pytest.fixture
    def store(self, tmp_path: Path) -> Store:
        return self.make_store(tmp_path / "store")

    @pytest.mark.parametrize("key", MALFORMED)
    def test_01_malformed_keys_are_refused(self, store: Store, key: str) -> None:
        """Contract 1: every method refuses a malformed key, and nothing is stored."""
        for method in (store.get, store.size, store.delete, store.local_path, lambda k: store.put(k, b"x")):
            with pytest.raises(StoreError) as caught:
                method(key)
            assert not isinstance(caught.value, KeyMissingError)
        with pytest.raises(StoreError):
            store.put_many([("good/key", b"x"), (key, b"x")])
        assert set(store.keys()) <= {"good/key"}
        if key not in ("", "/"):
            for listing in (store.keys, store.folders):
                with pytest.raises(StoreError):
                    list(listing(key.rstrip("/") + "//"))

    @pytest.mark.parametrize("size", [0, 1, 4096, 3_000_000])
    def test_03_bytes_come_back(self, store: Store, size: int) -> None:
        """Contracts 3, 5 and 10: what was put is what get and size give."""
        data = os.urandom(size)
        store.put("a/b/c", data)
        assert store.get("a/b/c") == data
        assert store.size("a/b/c") == size

    def test_04_missing(self, store: Store) -> None:
        """Contracts 4 and 10: nothing there is KeyMissingError with the key, and size None."""
        store.put("a/b", b"x")
        for key in ("nothing", "a", "a/b/c", "a/c"):
            with pytest.raises(KeyMissingError) as caught:
                store.get(key)
            assert caught.value.key == key
            assert store.size(key) is None
            assert store.local_path(key) is None

    def test_06_readers_see_whole_objects(self, store: Store) -> None:
        """Contracts 3 and 6: while writers replace an object, readers see one value or another, whole."""
        values = [bytes([index]) * size for index, size in enumerate((10, 70_000, 300_000))]
        store.put("k", values[0])
        writers = [
            threading.Thread(target=lambda v=value: [store.put("k", v) for _ in range(20)])
            for value in values
        ]
        for writer in writers:
            writer.start()
        while any(writer.is_alive() for writer in writers):
            assert store.get("k") in values
            assert list(store.keys()) == ["k"]
        for writer in writers:
            writer.join()
        assert store.get("k") in values

    def test_07_put_is_idempotent(self, store: Store) -> None:
        """Contracts 7 and 8: the same put again changes nothing, another value replaces the first."""
        for _ in range(3):
            store.put("a", b"one")
        assert store.get("a") == b"one"
        store.put("a", b"2")
        assert store.get("a") == b"2"
        assert list(store.keys()) == ["a"]

    def test_09_put_many(self, store: Store) -> None:
        """Contract 9: several at once, also none and several hundred, from any iterable."""
        store.put_many([])
        expected = {f"f{index % 7}/o{index:04d}": str(index).encode() for index in range(400)}
        store.put_many((key, data) for key, data in expected.items())
        assert list(store.keys()) == sorted(expected)
        for key in sorted(expected)[::10]:
            assert store.get(key) == expected[key]

    def test_11_prefix_is_a_folder(self, store: Store) -> None:
        """Contract 11: a prefix is whole segments, with or without the final slash."""
        for key in ("a/b/c", "a/bc", "ab/c", "a-b/c", "z"):
            store.put(key, b"")
        assert list(store.keys("a")) == list(store.keys("a/")) == ["a/b/c", "a/bc"]
        assert list(store.keys("a/b")) == ["a/b/c"]
        assert list(store.keys("z")) == list(store.keys("nothing")) == []
        assert list(store.keys("")) == ["a-b/c", "a/b/c", "a/bc", "ab/c", "z"]

    def test_12_listing_is_sorted_and_complete(self, tmp_path_factory: pytest.TempPathFactory) -> None:
        """Contracts 12 and 13: listings are sorted by code point, complete, and agree with each other."""

        @settings(max_examples=self.examples, deadline=None)
        @given(st.lists(_keys, unique=True, max_size=12))
        def holds(keys: list[str]) -> None:
            store = self.make_store(tmp_path_factory.mktemp("listing") / "store")
            store.put_many((key, key.encode()) for key in keys)
            assert list(store.keys()) == sorted(keys)
            folders = sorted({key.split("/")[0] for key in keys if "/" in key})
            assert list(store.folders()) == folders
            for folder in folders:
                below = sorted(key for key in keys if key.startswith(folder + "/"))
                assert list(store.keys(folder)) == below

        holds()

    def test_14_delete(self, store: Store) -> None:
        """Contract 14: delete removes one object, may be repeated, and can be put again."""
        store.put_many([("a/b", b"1"), ("a/c", b"2")])
        for key in ("a/b", "a/b", "nothing/at/all", "a"):
            store.delete(key)
        assert list(store.keys()) == ["a/c"]
        store.put("a/b", b"3")
        assert store.get("a/b") == b"3"

    def test_15_local_path(self, store: Store) -> None:
        """Contract 15: a local path holds exactly the object's bytes."""
        store.put("a/b", b"bytes")
        path = store.local_path("a/b")
        assert path is None or path.read_bytes() == b"bytes"
