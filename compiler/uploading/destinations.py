"""Where each session of an upload goes: the configured store, or the default local one."""

from collections.abc import Iterable

from compiler.runtime import Runtime
from compiler.uploading.audit import AuditLog
from compiler.uploading.seen import Known
from compiler.uploading.sharing import Sharing, local_store_url
from data_models.records import Receipt
from store.protocol import Store
from store.registry import open_store
from store.tombstones import Tombstones, read_tombstones

_SINGLY = 4
"""So many receipts of a project are asked for one by one; then one listing tells of all."""


class Destinations:
    """The stores of one upload; the default local one is opened when something has to stay there.

    Args:
        runtime: the process's runtime, whose store is the configured one.
        named: the user named the project of what is uploaded.

    Raises:
        StoreError: what may be shared cannot be read.
    """

    def __init__(self, runtime: Runtime, *, named: bool = False) -> None:
        self._runtime = runtime
        self._sharing = Sharing(runtime.home, runtime.store.url, named=named)
        self._audit = AuditLog(runtime.home)
        self._local_url = local_store_url(runtime.home)
        self._stores: dict[str, Store] = {runtime.store.url: runtime.store}
        self._holdings: dict[tuple[str, str], _Holding] = {}
        self._tombstones: dict[str, Tombstones] = {}

    def stays(self, session_id: str, cwd: str) -> str:
        """Why a session stays on this machine; "" if it may go to the configured store."""
        return self._sharing.stays(session_id, cwd)

    def of(self, session_id: str, cwd: str) -> Store:
        """The store that a session goes to."""
        return self.store(self._url(session_id, cwd))

    def holds(self, session_id: str, known: Known) -> bool:
        """Whether a known upload stands where it would go to now."""
        url = self._url(session_id, known.cwd)
        if url != known.store:
            return False
        inbox = "/".join(known.key.split("/")[:2])
        holding = self._holdings.setdefault((url, inbox), _Holding(self.store(url), inbox))
        return known.key in holding

    def forgot(self, url: str, session_id: str) -> bool:
        """Whether a session was forgotten in one of the two stores, as far as that was known at the first question."""
        if url not in self._tombstones:
            self._tombstones[url] = read_tombstones(self.store(url))
        return self._tombstones[url].hold_session(session_id)

    def store(self, url: str) -> Store:
        """One of the two stores, by its address."""
        if url not in self._stores:
            self._stores[url] = open_store(url)
        return self._stores[url]

    def note_leaving(self, url: str, receipts: Iterable[Receipt]) -> None:
        """Put on record what is about to be handed over to a store that others may read."""
        if url != self._local_url:
            self._audit.note_leaving(url, receipts)

    def flush(self) -> None:
        """Send what the spool holds for the stores in use."""
        for store in self._stores.values():
            self._runtime.spool.flush(store)

    def _url(self, session_id: str, cwd: str) -> str:
        return self._local_url if self.stays(session_id, cwd) else self._runtime.store.url


class _Holding:
    """Which receipts one project has in a store, as it was when it was first asked for many.

    Args:
        store: the store.
        inbox: the folder of the project's receipts.
    """

    def __init__(self, store: Store, inbox: str) -> None:
        self._store = store
        self._inbox = inbox
        self._asked = 0
        self._keys: frozenset[str] | None = None

    def __contains__(self, key: str) -> bool:
        # A listing costs in proportion to the project's history: one session alone is not worth it.
        self._asked += 1
        if self._keys is None and self._asked <= _SINGLY:
            return self._store.size(key) is not None
        if self._keys is None:
            self._keys = frozenset(self._store.keys(self._inbox))
        return key in self._keys
