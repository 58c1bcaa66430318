"""Receipts: written once, believed only if sound, the newest of a session chosen."""

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from data_models.errors import DamagedError, FormatTooNewError, StoreError
from data_models.events import LATEST_MS
from data_models.records import BlobRef
from store.codec import encode
from store.keys import receipt_key
from store.memory import MemoryStore
from store.receipts import (
    key_of,
    newest_per_session,
    projects,
    read_receipt,
    receipt_keys,
    write_receipt,
)
from tests.store.samples import PROJECT, make_receipt

_names = st.text(max_size=40).filter(lambda text: text.isprintable())


@given(session=_names, author=_names, project=_names, event_ms=st.integers(-5, LATEST_MS))
def test_receipts_come_back(session: str, author: str, project: str, event_ms: int) -> None:
    """Any receipt is read back as written, is listed under its project, and the project is named."""
    store = MemoryStore()
    receipt = make_receipt(session, event_ms, author, project)
    key = write_receipt(store, receipt)
    assert read_receipt(store, key) == receipt
    assert receipt_keys(store, project) == [key]
    assert projects(store) == [project]


def test_the_same_receipt_again() -> None:
    """Writing again what is there is one receipt."""
    store = MemoryStore()
    assert write_receipt(store, make_receipt("s")) == write_receipt(store, make_receipt("s"))
    assert len(receipt_keys(store, PROJECT)) == 1


def test_a_project_with_a_very_long_name_is_named() -> None:
    """Where the key holds only a hash of the project's name, a receipt says it."""
    store = MemoryStore()
    name = "example.org/" + "very-long/" * 60
    write_receipt(store, make_receipt("s", project=name))
    assert projects(store) == [name]


@given(st.permutations([("a", 1), ("a", 3), ("a", 2), ("b", 10**13), ("b", 9)]))
def test_the_newest_of_each_session(states: list[tuple[str, int]]) -> None:
    """The newest by event time, compared as a number, in whatever order they are listed."""
    keys = [key_of(make_receipt(*state)) for state in states]
    garbage = ["inbox/x", "gen/a/b", ""]
    expected = sorted(key_of(make_receipt(*state)) for state in (("a", 3), ("b", 10**13)))
    assert newest_per_session([*keys, *garbage]) == expected


def test_one_session_id_of_two_authors() -> None:
    """The same session id under two authors is two sessions; equal times are decided by the hash."""
    keys = [key_of(make_receipt("s", author=author)) for author in ("Ann", "Bob")]
    assert newest_per_session(keys) == sorted(keys)
    twins = [receipt_key("p", "Ann", "s", 1, content) for content in (b"1", b"2")]
    assert newest_per_session(twins) == [max(twins)] == newest_per_session(reversed(twins))


@settings(deadline=None)
@given(data=st.data())
def test_a_damaged_receipt_is_never_believed(data: st.DataObject) -> None:
    """Cut it, or change one byte of it: DamagedError."""
    store = MemoryStore()
    key = write_receipt(store, make_receipt("s"))
    content = bytearray(store.get(key))
    place = data.draw(st.integers(0, len(content) - 1))
    if data.draw(st.booleans()):
        del content[place:]
    else:
        content[place] ^= data.draw(st.integers(1, 255))
    store.put(key, bytes(content))
    with pytest.raises(DamagedError):
        read_receipt(store, key)


def test_damage_is_not_taken_for_a_newer_format() -> None:
    """A flipped bit in the format version is damage, not a reason to ask for a newer version."""
    store = MemoryStore()
    key = write_receipt(store, make_receipt("s"))
    store.put(key, store.get(key).replace(b'"format":1', b'"format":9'))
    with pytest.raises(DamagedError):
        read_receipt(store, key)


@given(st.binary(max_size=100) | st.just(b"[" * 100_000) | st.just(b'{"format":"x"}'))
def test_garbage_with_a_fitting_hash_is_refused(content: bytes) -> None:
    """Bytes that are no receipt under a key that fits them: DamagedError."""
    store = MemoryStore()
    key = receipt_key(PROJECT, "Ann", "s", 1, content)
    store.put(key, content)
    with pytest.raises(DamagedError):
        read_receipt(store, key)


@pytest.mark.parametrize(
    "changes",
    [
        {"author": "Bob"},
        {"project": "other"},
        {"session_id": "../../x"},
        {"slim": BlobRef("../" * 21 + "x", 1)},
        {"slim": BlobRef("a" * 64, -1)},
        {"records": -1},
    ],
)
def test_a_receipt_that_lies_is_refused(changes: dict[str, object]) -> None:
    """A receipt under the key of another session, or naming an impossible blob: DamagedError."""
    store = MemoryStore()
    content = encode(msgspec.structs.replace(make_receipt("s"), **changes))
    key = receipt_key(PROJECT, "Ann", "s", 1, content)
    store.put(key, content)
    with pytest.raises(DamagedError):
        read_receipt(store, key)


def test_newer_formats() -> None:
    """Unknown fields of a minor change are passed over; a newer format says what is needed."""
    store = MemoryStore()
    plain = msgspec.to_builtins(make_receipt("s"))
    minor = msgspec.json.encode({**plain, "new_field": [1]})
    key = receipt_key(PROJECT, "Ann", "s", 1, minor)
    store.put(key, minor)
    assert read_receipt(store, key) == make_receipt("s")
    major = msgspec.json.encode({**plain, "format": 99, "slim": "of another type"})
    key = receipt_key(PROJECT, "Ann", "s", 1, major)
    store.put(key, major)
    with pytest.raises(FormatTooNewError) as caught:
        read_receipt(store, key)
    assert caught.value.next_command


def test_text_that_is_not_unicode_is_refused_on_the_way_in() -> None:
    """A lone surrogate cannot be stored as JSON: a clear error instead of a strange one."""
    receipt = msgspec.structs.replace(make_receipt("s"), cwd="/tmp/\ud800")
    with pytest.raises(StoreError):
        write_receipt(MemoryStore(), receipt)


def test_a_receipt_after_the_last_year_is_damaged() -> None:
    """Nothing read from a store is trusted: a time that no calendar holds is not handed on."""
    store = MemoryStore("memory://")
    key = write_receipt(store, make_receipt("s", LATEST_MS + 1))
    with pytest.raises(DamagedError):
        read_receipt(store, key)
