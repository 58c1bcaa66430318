"""The sessions of one generation, for whoever has to look something up in them: events, passages, citations."""

from collections.abc import Callable, Collection
from functools import cached_property
from pathlib import Path

from compiler.citations import resolve, short_ids
from compiler.memoised import recall
from compiler.recent import Recent
from compiler.work import NODE
from data_models.arrow import events_from_parquet
from data_models.errors import NotFoundError
from data_models.events import Event
from data_models.knowledge import Citation, Node
from data_models.records import BlobRef, CatalogEntry
from search.filters import Filters
from search.query import Hit, search
from store.blobs import get_blob
from store.memo import Memo
from store.protocol import Store

_KEPT_CHARS = 32_000_000
"""Characters of events that are kept in memory: what is looked at is looked at again."""
_EVENT_CHARS = 500
"""What an event takes besides its text."""


def load_events(store: Store, parquet: BlobRef) -> list[Event]:
    """The events of one session, from its Parquet file, verified."""
    return events_from_parquet(get_blob(store, parquet), parquet.key)


class Sessions:
    """Reads sessions on demand.

    Args:
        store: holds them.
        project: the project's name.
        entries: every session of the generation.
        open_index: gives the folder of the assembled search index; called once, when first searched.
    """

    def __init__(
        self,
        store: Store,
        project: str,
        entries: Collection[CatalogEntry],
        open_index: Callable[[], Path],
    ) -> None:
        self.project = project
        self.entries = entries
        self._store = store
        self._open_index = open_index
        self._events = Recent(self._load, _weight, _KEPT_CHARS)

    @cached_property
    def by_id(self) -> dict[str, CatalogEntry]:
        """Sessions by their id."""
        return {entry.session_id: entry for entry in self.entries}

    @cached_property
    def short(self) -> dict[str, str]:
        """The digits that stand for each session in a citation."""
        return short_ids(self.by_id)

    def find(self, digits: str) -> CatalogEntry:
        """The session that a citation's digits, or a whole id, mean.

        Raises:
            NotFoundError: none or several.
        """
        found = resolve(digits, self.by_id)
        if len(found) != 1:
            raise NotFoundError(f"{len(found)} sessions are called {digits[:40]!r}")
        return self.by_id[found[0]]

    def events(self, session_id: str) -> list[Event]:
        """All events of a session, in file order.

        Raises:
            KeyError: the generation has no such session.
            StoreError: its file is damaged or missing.
        """
        return self._events(session_id)

    def digest(self, entry: CatalogEntry) -> Node | None:
        """The digest of a session, None where memo lost it.

        Raises:
            StoreError: the store cannot be read.
        """
        return recall(Memo(self._store), NODE, entry.digest, Node)

    def exists(self, citation: Citation) -> bool:
        """Whether the record that a citation names is there."""
        if citation.session_id not in self.by_id:
            return False
        return any(event.ref == citation.seq for event in self.events(citation.session_id))

    def search(self, query: str, limit: int) -> list[Hit]:
        """The passages that answer a query best, best first.

        Raises:
            DamagedError: the index cannot be read.
        """
        return search([self._index], query, Filters(), limit)

    @cached_property
    def _index(self) -> Path:
        return self._open_index()

    def _load(self, session_id: str) -> list[Event]:
        return load_events(self._store, self.by_id[session_id].parquet)


def _weight(events: list[Event]) -> int:
    return sum(len(event.text) + _EVENT_CHARS for event in events)
