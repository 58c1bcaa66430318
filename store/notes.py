"""Notes: who works on what, now. One object for each state of a running session; its writer removes the one before.

Nothing depends on a note. Whoever reads one takes nothing in it for granted, least of all the time: the writer's
clock may be wrong, and a writer that was killed leaves its last note behind.
"""

import secrets
from collections.abc import Iterator

import msgspec

from data_models.errors import DamagedError
from data_models.records import FORMAT_VERSION
from store.codec import decode, encode
from store.keys import encode_name, note_key, notes_prefix, parse_note_key
from store.protocol import Store

_MOST_FILES = 20
_LONGEST_TEXT = 400
_MOST_BYTES = 64 << 10
_LEFT_BEHIND = 24 * 3600 * 1000
"""Milliseconds by which a note is older, or younger, than any clock's error: its writer will not remove it."""


class Note(msgspec.Struct, frozen=True, kw_only=True):
    """What a running session works on; neither what was said in it nor what its files hold.

    `files` are paths below the repository, the one touched last first. `since` and `last` are Unix milliseconds by
    the author's clock: when the session started, and when it was last active.
    """

    author: str
    project: str
    session_id: str
    branch: str = ""
    files: tuple[str, ...] = ()
    since: int
    last: int
    format: int = FORMAT_VERSION


def write_note(store: Store, note: Note) -> str:
    """Store a note under a key of its own; the key."""
    key = note_key(note.project, note.author, note.session_id, note.last, secrets.token_hex(4))
    store.put(key, encode(note))
    return key


def read_note(store: Store, key: str) -> Note:
    """The note under a key, its texts cut to what is worth showing.

    Raises:
        KeyMissingError: there is none any more.
        DamagedError: it is not the note that its key names.
        FormatTooNewError: a newer rlm-context wrote it.
    """
    if (store.size(key) or 0) > _MOST_BYTES:
        raise DamagedError(key, "it is too large for a note")
    note = decode(store.get(key), Note, key)
    parts = parse_note_key(key)
    names = (encode_name(note.project), encode_name(note.author), encode_name(note.session_id))
    if parts is None or (*names, note.last) != parts[:4]:
        raise DamagedError(key, "it is the note of another session")
    return msgspec.structs.replace(
        note,
        branch=note.branch[:_LONGEST_TEXT],
        files=tuple(file[:_LONGEST_TEXT] for file in note.files[:_MOST_FILES]),
    )


def note_keys(store: Store, project: str) -> list[str]:
    """The keys of a project's notes, sorted; what is no note's key is left out."""
    return [key for key in store.keys(notes_prefix(project)) if parse_note_key(key)]


def newest_notes(keys: list[str]) -> list[str]:
    """Of several notes of one session of one author the newest, sorted; its writer may be replacing the other."""
    newest: dict[tuple[str, ...], tuple[int, str, str]] = {}
    for key in keys:
        parts = parse_note_key(key)
        if parts is not None:
            newest[parts[:3]] = max(newest.get(parts[:3], (0, "", "")), (parts.last, parts.nonce, key))
    return sorted(key for _, _, key in newest.values())


def left_behind(store: Store, now: int) -> Iterator[str]:
    """The keys of notes that nobody will remove, of all projects.

    Args:
        store: where they are.
        now: the time (Unix milliseconds).
    """
    for key in store.keys("notes"):
        parts = parse_note_key(key)
        if parts is not None and abs(now - parts.last) > _LEFT_BEHIND:
            yield key
