"""The spool: uploads of this machine that no generation is known to hold yet.

Each is a file of its own (`store.job`). It stays, however often it was flushed, until its receipt stands in the newest
generation; so an upload survives the loss of whatever happened in between.
"""

from collections.abc import Iterable, Iterator
from contextlib import suppress
from pathlib import Path

from data_models.errors import DamagedError, KeyMissingError
from data_models.records import Receipt
from store.blobs import get_blob, has_sound_blob
from store.files import FileWriter, store_errors
from store.generations import Catalog, newest, read_catalog
from store.job import SUFFIX, Job, job_file, names_any, read_job, slim_of
from store.keys import parse_receipt_key
from store.protocol import Store
from store.tombstones import Tombstones, read_tombstones

_BATCH_BYTES = 16 << 20
"""Bytes of blobs held in memory at once while flushing."""


class Spool:
    """Pending uploads in a folder; safe to use from several processes.

    Args:
        folder: `<home>/spool`; it is made when something is added.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._pending = folder / "pending"
        self._dead = folder / "dead"
        self._writer = FileWriter(folder)

    def add(self, receipt: Receipt, slim: bytes, store_url: str) -> str:
        """Keep an upload until a generation holds it; durable when it returns, and idempotent.

        Args:
            receipt: the upload's receipt, which names `slim`.
            slim: the redacted slim blob.
            store_url: the store it is meant for, as `Store.url` gives it.

        Returns:
            The receipt's key.

        Raises:
            ValueError: the receipt names another blob.
            StoreFullError: no space, or not allowed.
        """
        return self.add_many([(receipt, slim)], store_url)[0]

    def add_many(self, uploads: Iterable[tuple[Receipt, bytes]], store_url: str) -> list[str]:
        """Several at once, cheaper than `add` for each; raises as it does."""
        files = [job_file(receipt, slim, store_url) for receipt, slim in uploads]
        self._writer.write_many((self._pending / file.name, file.content) for file in files)
        return [file.key for file in files]

    def pending(self) -> list[Job]:
        """All pending uploads, whichever store they are meant for; a corrupt job is moved to `dead/`."""
        with store_errors(self._folder):
            paths = sorted(self._pending.glob(f"*{SUFFIX}"))
            return [job for path in paths if (job := self._read(path)) is not None]

    def dead(self) -> int:
        """How many corrupt jobs were moved aside (never deleted)."""
        with store_errors(self._folder):
            return sum(1 for _ in self._dead.iterdir()) if self._dead.is_dir() else 0

    def redirect(self, session_id: str, store_url: str) -> int:
        """Mean what is pending of a session for this store, and for no other any more.

        Args:
            session_id: the session.
            store_url: the store that it goes to from now on.

        Returns:
            How many uploads that were.

        Raises:
            StoreFullError: no space, or not allowed; what was not moved is as it was.
        """
        moved = 0
        for job in self.pending():
            if job.receipt.session_id != session_id or job.store_url == store_url:
                continue
            slim = self.read_slim(job)
            if slim is not None:
                self.add(job.receipt, slim, store_url)
                with store_errors(self._folder):
                    job.path.unlink(missing_ok=True)
                moved += 1
        return moved

    def flush(self, store: Store) -> list[str]:
        """Write blob, then receipt, of every pending upload meant for this store; what it has is left alone.

        What was forgotten there is not written, and goes from the spool too.

        Returns:
            The keys of their receipts, all of which are in the store now, sorted.

        Raises:
            StoreError: the store failed; nothing is lost, and the next flush goes on.
        """
        flushed: list[str] = []
        self.drop(store.url, read_tombstones(store))
        for jobs in _batches(job for job in self.pending() if job.store_url == store.url):
            flushed += self._flush_batch(store, jobs)
        return sorted(flushed)

    def drop(self, store_url: str, tombstones: Tombstones) -> int:
        """Remove what is pending for this store and was forgotten there, and corrupt jobs of it; how many."""
        if not tombstones:
            return 0
        dropped = [
            job.path for job in self.pending() if job.store_url == store_url and tombstones.hold(job.key)
        ]
        with store_errors(self._folder):
            dead = self._dead.iterdir() if self._dead.is_dir() else ()
            forgotten = (*tombstones.sessions, *tombstones.receipts)
            dropped += [path for path in dead if names_any(path, forgotten)]
            for path in dropped:
                path.unlink(missing_ok=True)
        return len(dropped)

    def acknowledge(self, store: Store) -> int:
        """Drop the uploads that need no copy any more; how many.

        That is so once the newest generation of the project holds the receipt, or a newer one of its session,
        and the store gives back the upload's blob and receipt.

        Raises:
            StoreError: the store failed; nothing was dropped that it may lack.
        """
        dropped = 0
        for job, is_held in self._looked_up(store):
            if is_held and _is_stored(job, store):
                with store_errors(self._folder):
                    job.path.unlink(missing_ok=True)
                dropped += 1
        return dropped

    def waiting(self, store: Store) -> list[Job]:
        """The uploads to this store that no generation holds: what a compile is for. A copy of what one holds can be
        pending too, until `acknowledge` drops it.

        Raises:
            StoreError: the store failed.
        """
        return [job for job, is_held in self._looked_up(store) if not is_held]

    def _looked_up(self, store: Store) -> Iterator[tuple[Job, bool]]:
        """What is pending for this store, and whether its project's newest generation holds it."""
        catalogs: dict[str, Catalog] = {}
        for job in self.pending():
            if job.store_url != store.url:
                continue
            project = job.receipt.project
            if project not in catalogs:
                generation = newest(store, project)
                catalogs[project] = read_catalog(store, [generation.manifest] if generation else [])
            yield job, _is_held(job, catalogs[project])

    def _flush_batch(self, store: Store, jobs: list[Job]) -> list[str]:
        blobs: dict[str, bytes] = {}
        sound: list[Job] = []
        for job in jobs:
            if not has_sound_blob(store, job.receipt.slim):
                slim = self.read_slim(job)
                if slim is None:
                    continue
                blobs[job.receipt.slim.key] = slim
            sound.append(job)
        store.put_many(blobs.items())
        store.put_many([(job.key, job.content) for job in sound if not _has_receipt(job, store)])
        return [job.key for job in sound]

    def _read(self, path: Path) -> Job | None:
        try:
            return read_job(path)
        except FileNotFoundError:  # another process acknowledged it
            return None
        except DamagedError:
            self._bury(path)
            return None

    def read_slim(self, job: Job) -> bytes | None:
        """The slim blob of a pending upload; None where it was acknowledged meanwhile, or is corrupt."""
        with store_errors(self._folder):
            try:
                return slim_of(job)
            except FileNotFoundError:
                return None
            except DamagedError:
                self._bury(job.path)
                return None

    def _bury(self, path: Path) -> None:
        self._writer.make_folder(self._dead)
        with suppress(FileNotFoundError):
            path.replace(self._dead / path.name)


def _batches(jobs: Iterable[Job]) -> Iterator[list[Job]]:
    batch: list[Job] = []
    size = 0
    for job in jobs:
        batch.append(job)
        size += job.receipt.slim.size
        if size >= _BATCH_BYTES:
            yield batch
            batch, size = [], 0
    if batch:
        yield batch


def _is_held(job: Job, catalog: Catalog) -> bool:
    entry = catalog.get((job.receipt.author, job.receipt.session_id))
    mine = parse_receipt_key(job.key)
    held = parse_receipt_key(entry.receipt) if entry else None
    return mine is not None and held is not None and held >= mine


def _has_receipt(job: Job, store: Store) -> bool:
    try:
        return store.get(job.key) == job.content
    except KeyMissingError:
        return False


def _is_stored(job: Job, store: Store) -> bool:
    """Read back, because what the spool holds may be the last copy. What is not there the next flush writes again."""
    try:
        get_blob(store, job.receipt.slim)
    except KeyMissingError:
        return False
    except DamagedError:
        # Of no use to anyone; and elsewhere a blob of the right size would not be written again.
        store.delete(job.receipt.slim.key)
        return False
    return _has_receipt(job, store)
