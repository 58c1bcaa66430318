"""Sessions read and put into the spool, batch by batch: this process reads on while the disk is waited for."""

from collections.abc import Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from typing import NamedTuple

from compiler.order import ordered
from compiler.uploading.destinations import Destinations
from compiler.uploading.reading import SessionReader
from data_models.events import Reject
from data_models.records import Receipt
from store.spool import Spool
from transcripts.agent import SessionFiles

_BATCH = 16
"""Sessions written to the spool, and from there to the store, at a time."""

FORGOTTEN = "it was forgotten (rlm-context forget), so nothing of it is kept"
"""Why a session is not uploaded."""


class Spooled(NamedTuple):
    """A session that the spool holds: its files, its receipt with the key, and the address of its store."""

    files: SessionFiles
    receipt: Receipt
    key: str
    store: str


class _Read(NamedTuple):
    files: SessionFiles
    receipt: Receipt
    blob: bytes
    store: str


class Spooling:
    """Takes sessions in for one upload.

    Args:
        spool: keeps them until a generation holds them.
        reader: reads them.
        destinations: says which store each goes to.

    Attributes:
        skipped: those that cannot be read, or were forgotten.
    """

    def __init__(self, spool: Spool, reader: SessionReader, destinations: Destinations) -> None:
        self._spool = spool
        self._reader = reader
        self._destinations = destinations
        self.skipped: list[Reject] = []

    def take(self, sessions: Sequence[SessionFiles]) -> Iterator[list[Spooled]]:
        """Read and spool sessions; what is yielded survives a crash.

        Raises:
            StoreError: a store or the disk failed.
        """
        waiting: Future[list[Spooled]] | None = None
        with ThreadPoolExecutor(1) as pool:  # waits for the disk while this thread reads on
            for at in range(0, len(sessions), _BATCH):
                read = [one for files in sessions[at : at + _BATCH] if (one := self._read(files))]
                if waiting:
                    yield waiting.result()
                waiting = pool.submit(self._keep, read)
                del read  # blobs: two batches of them are enough in memory
            if waiting:
                yield waiting.result()

    def _read(self, files: SessionFiles) -> _Read | None:
        read = self._reader.read(files)
        if isinstance(read, Reject):
            self.skipped.append(read)
            return None
        receipt, blob = read
        store = self._destinations.of(receipt.session_id, receipt.cwd)
        if self._destinations.forgot(store.url, receipt.session_id):
            self.skipped.append(Reject(str(files.main), 0, FORGOTTEN))
            return None
        return _Read(files, ordered(store, receipt), blob, store.url)

    def _keep(self, sessions: Sequence[_Read]) -> list[Spooled]:
        done: list[Spooled] = []
        for url in sorted({one.store for one in sessions}):
            mine = [one for one in sessions if one.store == url]
            self._destinations.note_leaving(url, [one.receipt for one in mine])
            keys = self._spool.add_many(((one.receipt, one.blob) for one in mine), url)
            done += [Spooled(one.files, one.receipt, key, url) for one, key in zip(mine, keys, strict=True)]
        return done
