"""The real client's Dicts against the emulator."""

import modal
import pytest

from tests.modal_emulator.server import Emulator


@pytest.fixture
def shared(modal_emulator: Emulator) -> modal.Dict:
    return modal.Dict.from_name("shared", create_if_missing=True).hydrate()


def test_values_come_back(shared: modal.Dict) -> None:
    """Keys and values of any kind that pickles are kept."""
    shared["a"] = {"owner": "me", "list": [1, 2.5, None]}
    shared[7] = b"bytes"
    shared.update({"b": 1, "c": 2})
    assert shared["a"] == {"owner": "me", "list": [1, 2.5, None]}
    assert dict(shared.items()) == {"a": shared["a"], 7: b"bytes", "b": 1, "c": 2}
    assert set(shared.keys()) == {"a", 7, "b", "c"}
    assert sorted(value for value in shared.values() if isinstance(value, int)) == [1, 2]
    assert shared.len() == 4


def test_put_if_absent(shared: modal.Dict) -> None:
    """The first writer wins and the second is told so."""
    assert shared.put("lease", 1, skip_if_exists=True)
    assert not shared.put("lease", 2, skip_if_exists=True)
    assert shared.get("lease") == 1


def test_missing_keys(shared: modal.Dict) -> None:
    """What is not there has no value, a default, or raises KeyError, as in the client's contract."""
    assert shared.get("a") is None
    assert shared.get("a", "default") == shared.pop("a", "default") == "default"
    assert "a" not in shared
    for call in (lambda: shared["a"], lambda: shared.pop("a")):
        with pytest.raises(KeyError):
            call()


def test_pop_reads_and_removes(shared: modal.Dict) -> None:
    """A popped entry is gone; so are all after `clear`."""
    shared.update({"a": 1, "b": 2})
    assert shared.pop("a") == 1
    assert not shared.contains("a")
    shared.clear()
    assert shared.len() == 0


def test_entries_expire_on_request(shared: modal.Dict, modal_emulator: Emulator) -> None:
    """A test lets one entry, or all, expire as they do after seven days."""
    shared.update({"a": 1, "b": 2, "c": 3})
    modal_emulator.expire_dict("shared", "a")
    assert dict(shared.items()) == {"b": 2, "c": 3}
    modal_emulator.expire_dict("shared")
    assert dict(shared.items()) == {}


def test_names(modal_emulator: Emulator) -> None:
    """Dicts are found by name, and one that is not there is an error."""
    with pytest.raises(modal.exception.NotFoundError):
        modal.Dict.from_name("one").hydrate()
    modal.Dict.objects.create("one")
    assert [found.name for found in modal.Dict.objects.list()] == ["one"]
    modal.Dict.objects.delete("one")
    assert modal.Dict.objects.list() == []
