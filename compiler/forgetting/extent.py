"""What forgetting sessions takes away: found out for whoever is asked whether they mean it."""

from collections import defaultdict
from collections.abc import Collection, Iterable, Iterator, Sequence

import msgspec

from compiler.citations import LEAST_DIGITS, resolve
from compiler.local_copy import refresh
from compiler.runtime import Runtime
from data_models.errors import DamagedError, KeyMissingError, NotFoundError
from data_models.records import CatalogEntry
from store.generations import newest
from store.keys import decode_name, parse_receipt_key
from store.protocol import Store
from store.receipts import projects, read_receipt
from store.tombstones import read_tombstones


class Found(msgspec.Struct, frozen=True, kw_only=True):
    """A session in one project under one author's name.

    `states` are its uploads, `bytes` what they and its events take in the store, `lines` those of the brief that cite
    it.
    """

    session_id: str
    author: str
    project: str
    title: str
    states: int
    bytes: int
    lines: list[str]


_Owner = tuple[str, str, str]
"""Project, author, session id."""


class Forgettable:
    """The sessions of a store, those included that were forgotten and are not gone yet.

    Raises:
        StoreError: the store cannot be read.
    """

    def __init__(self, runtime: Runtime) -> None:
        self._runtime = runtime
        self._receipts: dict[_Owner, list[str]] = defaultdict(list)
        for key in runtime.store.keys("inbox"):
            owner = _owner(runtime.store, key)
            if owner is not None:
                self._receipts[owner].append(key)
        self._entries = dict(_entries(runtime))
        segments = read_tombstones(runtime.store).sessions
        self._forgotten = {name for segment in segments if (name := decode_name(segment))}

    def chosen(self, wanted: Sequence[str], *, author: str | None, project: str | None) -> set[str]:
        """The ids of the sessions that are meant.

        Args:
            wanted: ids, or the digits that citations show.
            author: all of this author's, instead.
            project: only sessions of this project; None for any.

        Raises:
            NotFoundError: there is none, or digits can mean several.
        """
        owners = [owner for owner in {*self._receipts, *self._entries} if project in (None, owner[0])]
        if author is not None:
            ids = {session_id for _, name, session_id in owners if name == author}
            if not ids:
                raise NotFoundError(f"no sessions of {author} here", next_command="rlm-context sessions")
            return ids
        known = {session_id for _, _, session_id in owners} | self._forgotten
        return {_only(digits, known) for digits in wanted}

    def described(self, ids: Collection[str]) -> list[Found]:
        """These sessions in all projects and under all names, as they will go."""
        owners = sorted(owner for owner in {*self._receipts, *self._entries} if owner[2] in ids)
        lines = {project: _cited(self._runtime, project, ids) for project in {owner[0] for owner in owners}}
        return [self._found(owner, lines[owner[0]]) for owner in owners]

    def _found(self, owner: _Owner, lines: dict[str, list[str]]) -> Found:
        project, author, session_id = owner
        entry = self._entries.get(owner)
        sizes = {ref.sha256: ref.size for ref in (entry.slim, entry.parquet)} if entry else {}
        for key in self._receipts[owner]:
            try:
                slim = read_receipt(self._runtime.store, key).slim
            except (DamagedError, KeyMissingError):
                continue
            sizes[slim.sha256] = slim.size
        return Found(
            session_id=session_id,
            author=author,
            project=project,
            title=entry.title if entry else "",
            states=len(self._receipts[owner]),
            bytes=sum(sizes.values()),
            lines=lines.get(session_id, []),
        )


def _owner(store: Store, key: str) -> _Owner | None:
    """Project, author and session of a receipt; a name that is too long for its key is read."""
    parts = parse_receipt_key(key)
    if parts is None:
        return None
    project, author, session_id = map(decode_name, parts[:3])
    if project is not None and author is not None and session_id is not None:
        return project, author, session_id
    try:
        receipt = read_receipt(store, key)
    except (DamagedError, KeyMissingError):
        return None
    return receipt.project, receipt.author, receipt.session_id


def _entries(runtime: Runtime) -> Iterator[tuple[_Owner, CatalogEntry]]:
    """The sessions that readers see."""
    for project in projects(runtime.store):
        generation = newest(runtime.store, project)
        entries: Iterable[CatalogEntry] = runtime.catalog(
            [generation.manifest] if generation else []
        ).values()
        yield from (((project, entry.author, entry.session_id), entry) for entry in entries)


def _only(digits: str, known: Collection[str]) -> str:
    """The session that digits mean: whole ids, or as many digits as a citation shows, since there is no way back."""
    found = resolve(digits, known)
    if len(digits) < LEAST_DIGITS and digits not in known:
        raise NotFoundError(
            f"{digits} is too short to be sure", next_command=f"give {LEAST_DIGITS} digits or more"
        )
    if len(found) > 1:
        raise NotFoundError(f"{digits} could be {', '.join(found)}", next_command="give more digits")
    if not found:
        raise NotFoundError(f"no session {digits} here", next_command="rlm-context sessions")
    return found[0]


def _cited(runtime: Runtime, project: str, ids: Collection[str]) -> dict[str, list[str]]:
    """The lines of a project's brief that cite these sessions, by session."""
    copy = refresh(runtime, project)
    lines: dict[str, list[str]] = defaultdict(list)
    for line in copy.root().lines if copy else ():
        if line.verdict == "brief":
            for session_id in {cited.session_id for cited in line.citations} & set(ids):
                lines[session_id].append(line.text)
    return lines
