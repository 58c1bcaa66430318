"""Opening stores: made where there is none, refused where it would do harm."""

from pathlib import Path

import pytest

from data_models.errors import DamagedError, FormatTooNewError, SettingsError, StoreError
from store.info import read_info
from store.registry import canonical_url, open_store


def test_a_new_folder_becomes_a_store(tmp_path: Path) -> None:
    """Opening makes folder and store.json; opening again changes nothing."""
    url = str(tmp_path / "a" / "store")
    store = open_store(url)
    assert store.url == url == canonical_url(url)
    assert list(store.keys()) == ["store.json"]
    before = store.get("store.json")
    store.put("blobs/x", b"1")
    assert open_store(url).get("store.json") == before
    assert open_store(url).get("blobs/x") == b"1"


def test_one_address_many_spellings(tmp_path: Path, home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Relative paths, "~" and superfluous segments give one address."""
    monkeypatch.chdir(tmp_path)
    for url in ("store", "./store/", f"{tmp_path}/x/../store"):
        assert canonical_url(url) == str(tmp_path / "store")
    assert canonical_url("~/store") == str(home / "store")
    assert canonical_url("MEMORY://x") == "memory://x"


def test_memory_stores_are_shared_by_name() -> None:
    """The same name is the same store within a process."""
    open_store("memory://registry-one").put("a", b"1")
    assert open_store("memory://registry-one").get("a") == b"1"
    assert open_store("memory://registry-two").size("a") is None


@pytest.mark.parametrize("url", ["ftp://host/x", "modal2://x", "memory://", ""])
def test_unknown_kinds_are_refused(url: str) -> None:
    """An unknown scheme names those that exist."""
    with pytest.raises(SettingsError) as caught:
        open_store(url)
    assert "memory://" in caught.value.message
    assert caught.value.next_command


def test_a_foreign_folder_is_left_alone(tmp_path: Path) -> None:
    """A folder with other things in it, or a file, is refused and untouched."""
    (tmp_path / "thesis.tex").write_text("mine")
    for target in (tmp_path, tmp_path / "thesis.tex"):
        with pytest.raises(StoreError) as caught:
            open_store(str(target))
        assert caught.value.next_command
    assert [path.name for path in tmp_path.iterdir() if path.name != "home"] == ["thesis.tex"]


def test_a_creation_that_was_interrupted_is_finished(tmp_path: Path) -> None:
    """A folder that holds only temporary files of ours is no foreign folder."""
    (tmp_path / "store" / ".tmp").mkdir(parents=True)
    assert read_info(open_store(str(tmp_path / "store"))).format == 1


def test_a_newer_store_is_refused(tmp_path: Path) -> None:
    """A larger format version is refused with the next command, whatever else stands in store.json."""
    store = open_store(str(tmp_path / "store"))
    store.put("store.json", b'{"format": 99, "settings": "of another type", "compilers": 3}')
    with pytest.raises(FormatTooNewError) as caught:
        open_store(store.url)
    assert caught.value.next_command


@pytest.mark.parametrize("content", [b"", b"{", b"[]", b'{"settings": {}}', b"\xff", b'{"format": "1"}'])
def test_a_damaged_description_is_refused(tmp_path: Path, content: bytes) -> None:
    """An unreadable store.json is never replaced by a new one."""
    store = open_store(str(tmp_path / "store"))
    store.put("store.json", content)
    with pytest.raises(DamagedError):
        open_store(store.url)
    assert store.get("store.json") == content


def test_unknown_fields_are_passed_over(tmp_path: Path) -> None:
    """A minor change of store.json is readable; what the team fixed is given."""
    store = open_store(str(tmp_path / "store"))
    store.put("store.json", b'{"format": 1, "settings": {"chunk_tokens": 9000}, "new": 1}')
    assert read_info(open_store(store.url)).settings == {"chunk_tokens": 9000}
