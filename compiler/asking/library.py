"""The sessions of several projects as one, for questions that are asked of all of them."""

from collections.abc import Callable, Sequence
from typing import Any, TypeVar

from compiler.local_copy import Copy
from compiler.sessions import Sessions
from data_models.arrow import columns_from_parquet
from data_models.errors import DamagedError, KeyMissingError, StoreError
from data_models.events import Event
from data_models.records import CatalogEntry
from search.filters import Filters
from search.query import Hit, search
from store.blobs import get_blob
from store.protocol import Store

T = TypeVar("T")


class Library(Sessions):
    """The sessions of the newest generations, by their local copies.

    A citation's digits are unique among all of them. A session that two projects hold stands in one.

    Args:
        store: holds them.
        copies: the local copies, at least one.

    Attributes:
        names: the projects.
        projects: the project of each session.
        unreadable: sessions whose file turned out to be damaged or missing.
        failure: why something could not be read that has to be there; None if all could.
    """

    def __init__(self, store: Store, copies: Sequence[Copy]) -> None:
        found = {entry.session_id: (copy, entry) for copy in copies for entry in copy.sessions()}
        self.names = tuple(copy.project for copy in copies)
        entries = [entry for _, entry in found.values()]
        super().__init__(store, ", ".join(self.names), entries, lambda: copies[0].index)
        self.projects = {session_id: copy.project for session_id, (copy, _) in found.items()}
        self.unreadable: set[str] = set()
        self.failure: StoreError | None = None
        self._indexes = [copy.index for copy in copies]

    @property
    def in_time(self) -> list[CatalogEntry]:
        """Every session, oldest first."""
        return sorted(self.entries, key=lambda entry: (entry.started, entry.session_id))

    @property
    def several(self) -> bool:
        """Whether a session must be told with its project."""
        return len(self._indexes) > 1

    def columns(self, entry: CatalogEntry, names: Sequence[str]) -> dict[str, list[Any]]:
        """Some columns of a session's events; see `data_models.arrow.columns_from_parquet`.

        Raises:
            StoreError: its file is damaged or missing.
        """
        ref = entry.parquet
        return self._noted(
            entry.session_id, lambda: columns_from_parquet(get_blob(self._store, ref), ref.key, names)
        )

    def search(self, query: str, limit: int) -> list[Hit]:
        """See `Sessions.search`; over all projects."""
        try:
            return search(self._indexes, query, Filters(), limit)
        except StoreError as error:
            self.failure = error
            raise

    def _load(self, session_id: str) -> list[Event]:
        return self._noted(session_id, lambda: super(Library, self)._load(session_id))

    def _noted(self, session_id: str, read: Callable[[], T]) -> T:
        """What is read. Model-written code may swallow an error, so it is noted for whoever asked."""
        try:
            return read()
        except (DamagedError, KeyMissingError):
            self.unreadable.add(session_id)
            raise
        except StoreError as error:
            self.failure = error
            raise
