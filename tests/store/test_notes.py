"""Notes in a store: keys that no two writers share, and nothing in them is taken for granted."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from data_models.errors import DamagedError, FormatTooNewError, KeyMissingError
from store.codec import encode
from store.keys import encode_name, note_key, parse_note_key
from store.memory import MemoryStore
from store.notes import Note, left_behind, newest_notes, note_keys, read_note, write_note

HOUR = 3_600_000


def note(last: int = 2 * HOUR, **more: object) -> Note:
    told = {"author": "ann", "project": "p/q", "session_id": "s1", "since": HOUR, "last": last} | more
    return Note(**told)  # type: ignore[arg-type]


@given(st.text(), st.text(), st.text(min_size=1), st.integers(0, 9_999_999_999_999))
def test_a_key_says_whose_and_when(project: str, author: str, session: str, last: int) -> None:
    """Its parts come back; two notes of one moment have two keys."""
    parts = parse_note_key(note_key(project, author, session, last, "0a0b0c0d"))
    assert parts == (encode_name(project), encode_name(author), encode_name(session), last, "0a0b0c0d")


def test_notes_are_read_as_they_were_written() -> None:
    """Each under a key of its own, also the same note twice; of a session's the newest counts."""
    store = MemoryStore("memory://notes")
    old, new = note(branch="b", files=("a.py",)), note(3 * HOUR, files=("c.py",))
    keys = [write_note(store, one) for one in (old, old, new, note(author="ben"), note(project="p"))]
    assert len(set(keys)) == 5
    assert [read_note(store, key) for key in (keys[0], keys[2])] == [old, new]
    assert note_keys(store, "p/q") == sorted({*keys[:4]})
    assert newest_notes(note_keys(store, "p/q")) == sorted([keys[2], keys[3]])


def test_a_foreign_note_is_refused_or_cut() -> None:
    """Another session's, garbage, a newer format, what is too large, what is gone; long texts are cut."""
    store = MemoryStore("memory://hostile")
    key = note_key("p/q", "ann", "s1", 2 * HOUR, "0a0b0c0d")
    for data in (
        encode(note(author="ben")),
        encode(note(3 * HOUR)),
        b"{}",
        b"[" * 9_999,
        b"\xff",
        b" " * 70_000 + encode(note()),
    ):
        store.put(key, data)
        with pytest.raises(DamagedError):
            read_note(store, key)
    store.put(key, encode(note(format=99)))
    with pytest.raises(FormatTooNewError):
        read_note(store, key)
    store.put(key, encode(note(branch="b" * 5_000, files=tuple(f"{number}" * 500 for number in range(40)))))
    cut = read_note(store, key)
    assert (len(cut.branch), len(cut.files), max(map(len, cut.files))) == (400, 20, 400)
    store.delete(key)
    with pytest.raises(KeyMissingError):
        read_note(store, key)


def test_what_nobody_will_remove_is_found() -> None:
    """Older than a day, or a day ahead; not what runs, nor what is no note."""
    store = MemoryStore("memory://old")
    now = 100 * 24 * HOUR
    kept = [write_note(store, note(now - hours * HOUR)) for hours in (0, 5, 23, -23)]
    left = [write_note(store, note(now - hours * HOUR)) for hours in (25, 2_000, -25)]
    store.put("notes/garbage.json", b"{}")
    assert sorted(left_behind(store, now)) == sorted(left)
    assert not set(kept) & set(left)
