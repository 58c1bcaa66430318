"""The sessions of several projects as one, for questions that are asked of all of them."""

from collections.abc import Sequence

from compiler.local_copy import Copy
from compiler.sessions import Sessions
from data_models.records import CatalogEntry
from search.query import Filters, Hit, search
from store.protocol import Store


class Library(Sessions):
    """The sessions of the newest generations, by their local copies.

    A citation's digits are unique among all of them. A session that two projects hold stands in one.

    Args:
        store: holds them.
        copies: the local copies, at least one.

    Attributes:
        names: the projects.
        projects: the project of each session.
    """

    def __init__(self, store: Store, copies: Sequence[Copy]) -> None:
        found = {entry.session_id: (copy, entry) for copy in copies for entry in copy.sessions()}
        self.names = tuple(copy.project for copy in copies)
        entries = [entry for _, entry in found.values()]
        super().__init__(store, ", ".join(self.names), entries, lambda: copies[0].index)
        self.projects = {session_id: copy.project for session_id, (copy, _) in found.items()}
        self._indexes = [copy.index for copy in copies]

    @property
    def in_time(self) -> list[CatalogEntry]:
        """Every session, oldest first."""
        return sorted(self.entries, key=lambda entry: (entry.started, entry.session_id))

    @property
    def several(self) -> bool:
        """Whether a session must be told with its project."""
        return len(self._indexes) > 1

    def search(self, query: str, limit: int) -> list[Hit]:
        """See `Sessions.search`; over all projects."""
        return search(self._indexes, query, Filters(), limit)
