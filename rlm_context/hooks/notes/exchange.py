"""Notes of this machine's running sessions go to the store, those of teammates come back.

What may go is decided by `compiler.uploading.sharing`, as for uploads. A note whose session ended, was killed, was
made private or has been quiet for four hours is taken back. Nothing rests on any of it: two of these at once, or one
that is killed half-way, leave a note too many at most, which the next one removes, or `store gc`.
"""

import os
import time
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

import msgspec

from compiler.local_copy import projects_folder
from compiler.runtime import Runtime
from compiler.uploading.author import author_of
from compiler.uploading.sharing import Sharing
from data_models.errors import DamagedError, FormatTooNewError, KeyMissingError
from data_models.project import find_repository, project_of
from rlm_context.hooks.files import names_in, read_small, write_small
from rlm_context.hooks.notes.own import LIFETIME, OwnNote, notes_folder, read_own, remove_own
from rlm_context.hooks.notes.teammates import COPY, fingerprint
from rlm_context.hooks.running import is_running
from store.keys import NoteKey, encode_name, notes_prefix, parse_note_key
from store.notes import Note, newest_notes, note_keys, read_note, write_note

_MOST_TEAMMATES = 30
"""Notes of others that are fetched of one project, the latest ones; the envelope has room for a few."""


@dataclass
class Exchanged:
    """What was done: notes put on the store and taken back, teammates' notes here now, and those that were damaged."""

    put: int = 0
    removed: int = 0
    here: int = 0
    unreadable: int = 0


class _Entry(msgspec.Struct, frozen=True):
    """A teammate's note as the copy on this machine has it; `rlm_context.hooks.notes.teammates` says what `at` is."""

    key: str
    author: str
    session_id: str
    branch: str
    files: tuple[str, ...]
    since: int
    at: int


class _Copy(msgspec.Struct, frozen=True):
    """The file of `rlm_context.hooks.notes.teammates`."""

    notes: tuple[_Entry, ...] = ()
    own: str = ""
    listed: str = ""


def exchange_notes(runtime: Runtime, projects: Iterable[str] = ()) -> Exchanged:
    """Bring the store's notes up to date with this machine's sessions, and the copies here with teammates'.

    Args:
        runtime: the process's runtime; with the default local store, or the setting `notes` off, nothing is told, and
            nobody's note is fetched.
        projects: names of projects to fetch teammates' notes of, besides those that sessions here work on.

    Raises:
        StoreError: the store failed, or what may be shared cannot be read; the next call goes on from there.
    """
    home = str(runtime.home)
    sharing = Sharing(runtime.home, runtime.store.url)
    own: list[tuple[str, OwnNote]] = []
    for session in names_in(notes_folder(home)):
        note = None if sharing.is_local else read_own(home, session)
        if note:
            own.append((session, note))
        else:
            remove_own(home, session)  # of a time when there was another store, or damaged
    if sharing.is_local:
        return Exchanged()
    by_project: dict[str, list[tuple[str, OwnNote]]] = {name: [] for name in projects}
    for session, note in own:
        name = project_of(note.cwd)[0]
        by_project.setdefault(runtime.settings.project_aliases.get(name, name), []).append((session, note))
    done = Exchanged()
    for project, notes in sorted(by_project.items()):
        _Project(runtime, sharing, project, done).exchange(notes)
    return done


class _Project:
    """The exchange for one project; what it does is added to `done`."""

    def __init__(self, runtime: Runtime, sharing: Sharing, project: str, done: Exchanged) -> None:
        self._runtime = runtime
        self._home = str(runtime.home)
        self._sharing = sharing
        self._project = project
        self._author = author_of(runtime.settings).encode("utf-8", "replace").decode()
        self._now = int(time.time() * 1000)
        self._done = done

    def exchange(self, own: Sequence[tuple[str, OwnNote]]) -> None:
        """Bring both sides up to date; `own` are this machine's notes of the project, by session."""
        listed = {
            key: parts
            for key in note_keys(self._runtime.store, self._project)
            if (parts := parse_note_key(key))
        }
        author = encode_name(self._author)
        mine = {key: parts for key, parts in listed.items() if parts.author == author}
        for session, note in own:
            self._tell(
                session,
                note,
                {key: parts for key, parts in mine.items() if parts.session == encode_name(session)},
            )
        self._remove(key for key, parts in mine.items() if self._now - parts.last > LIFETIME)
        if self._runtime.settings.notes:
            self._fetch([key for key in listed if key not in mine])

    def _tell(self, session: str, note: OwnNote, there: dict[str, NoteKey]) -> None:
        """Put one session's note on the store if it changed; take it back where it is over."""
        is_gone = self._is_gone(session, note)
        if is_gone or not -LIFETIME < self._now - note.last < LIFETIME:
            self._remove(there)
            if is_gone:
                remove_own(self._home, session)
            return
        current = [key for key, parts in there.items() if parts.last == note.last][:1]
        if not current:
            current = [write_note(self._runtime.store, self._note(session, note))]
            self._done.put += 1
        self._remove(key for key in there if key not in current)

    def _is_gone(self, session: str, note: OwnNote) -> bool:
        """Whether the session ended or was killed, or nothing of it may be told any more."""
        return (
            not self._runtime.settings.notes
            or not is_running(self._home, session)
            or bool(self._sharing.stays(session, note.cwd))
        )

    def _note(self, session: str, note: OwnNote) -> Note:
        return Note(
            author=self._author,
            project=self._project,
            session_id=session,
            branch=self._harmless(note.branch),
            files=tuple(map(self._harmless, self._shared_files(session, note))),
            since=note.since,
            last=note.last,
        )

    def _shared_files(self, session: str, note: OwnNote) -> Iterator[str]:
        """The files, without those in a folder below that is kept here, or of a repository that is not shared."""
        repository = find_repository(note.cwd)
        for file in note.files:
            if not self._sharing.stays(session, os.path.dirname(os.path.join(repository, file))):
                yield file

    def _harmless(self, text: str) -> str:
        """A text without secrets, and without what UTF-8 cannot say."""
        return self._runtime.redactor(text.encode("utf-8", "replace").decode(), {})

    def _remove(self, keys: Iterable[str]) -> None:
        for key in keys:
            self._runtime.store.delete(key)
            self._done.removed += 1

    def _fetch(self, others: list[str]) -> None:
        """Replace the copy of teammates' notes; nothing changes under a key, so only new ones are read.

        One that is dated in the future stays in the copy when its four hours are over, so that it is not new again.
        """
        folder = projects_folder(self._runtime.home) / encode_name(self._project)
        if not folder.is_dir():
            return  # without a brief there is no envelope that could name them
        path = str(folder / COPY)
        before = _read_copy(path)
        known = {entry.key: entry for entry in before.notes}
        young = [key for key in newest_notes(others) if self._now - _last(key) < LIFETIME]
        latest = sorted(young, key=lambda key: known[key].at if key in known else _last(key), reverse=True)
        entries = tuple(
            entry for key in latest[:_MOST_TEAMMATES] if (entry := known.get(key) or self._read(key))
        )
        prefix = notes_prefix(self._project) + "/"
        listed = fingerprint(key.removeprefix(prefix) for key in others)
        copy = _Copy(entries, encode_name(self._author), listed)
        self._done.here += sum(self._now - entry.at < LIFETIME for entry in entries)
        if copy != before:
            write_small(path, msgspec.json.encode(copy))

    def _read(self, key: str) -> _Entry | None:
        try:
            note = read_note(self._runtime.store, key)
        except KeyMissingError:
            return None  # removed this moment
        except (DamagedError, FormatTooNewError):
            self._done.unreadable += 1
            return None
        at = min(note.last, self._now)
        return _Entry(key, note.author, note.session_id, note.branch, note.files, note.since, at)


def _last(key: str) -> int:
    parts = parse_note_key(key)
    return parts.last if parts else 0


def _read_copy(path: str) -> _Copy:
    try:
        return msgspec.json.decode(read_small(path) or b"{}", type=_Copy)
    except msgspec.MsgspecError:
        return _Copy()  # fetched anew
