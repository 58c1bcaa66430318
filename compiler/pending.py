"""The sessions that a compile would work on, read one after the other; nothing is written."""

from collections.abc import Callable, Iterator, Sequence
from typing import NamedTuple

from compiler.order import ordered
from compiler.plan import plan
from compiler.runtime import Runtime, redaction_key_known
from compiler.uploading.reading import SessionReader
from compiler.uploading.sharing import Sharing
from data_models.errors import DamagedError, KeyMissingError
from data_models.events import Event, Reject
from data_models.records import Receipt
from store.blobs import get_blob
from store.job import Job
from store.keys import parse_receipt_key, session_of_receipt
from store.receipts import key_of, projects, read_receipt
from transcripts.agent import SessionFiles
from transcripts.events import read_events
from transcripts.redaction.engine import Redactor


class Pending(NamedTuple):
    """A session that is new, has grown, or is made anew, as ingest would see it."""

    receipt: Receipt
    events: Sequence[Event]


class PendingSessions:
    """Iterates over them once; only one session is in memory at a time.

    Args:
        runtime: the process's runtime.
        fresh: sessions that an upload would read.
        project: the project of what is uploaded, instead of each session's own.
        wanted: whether a project would be compiled.
        full: whether everything would be made anew.
        progress: told as sessions are read.

    Attributes:
        read: how many there were so far.
        skipped: sessions that cannot be read.
    """

    def __init__(
        self,
        runtime: Runtime,
        fresh: Sequence[SessionFiles],
        *,
        project: str = "",
        wanted: Callable[[str], bool] = lambda name: True,
        full: bool = False,
        progress: Callable[[int, int], None] = lambda done, total: None,
    ) -> None:
        self._runtime = runtime
        self._fresh = fresh
        self._project = project
        self._wanted = wanted
        self._progress = progress
        self._sharing = Sharing(runtime.home, runtime.store.url, named=bool(project))
        self._spooled = self._in_spool()
        names = [name for name in projects(runtime.store) if wanted(name)]
        self._waiting = [key for name in names for key in plan(runtime, name, full=full).new]
        self._replaced: set[tuple[str, ...]] = set()
        self.read = 0
        self.skipped: list[Reject] = []

    def __iter__(self) -> Iterator[Pending]:
        done, total = 0, len(self._fresh) + len(self._spooled) + len(self._waiting)
        for sessions in (self._in_files(), self._on_their_way(), self._in_store()):
            for session in sessions:
                done += 1
                self._progress(done, total)
                if session is not None:
                    self.read += 1
                    yield session

    def _in_spool(self) -> list[Job]:
        """Uploads that the store does not have yet, the newest state of each session first."""
        store = self._runtime.store
        jobs = [
            job
            for job in self._runtime.spool.pending()
            if job.store_url == store.url
            and self._wanted(job.receipt.project)
            and store.size(job.key) is None
        ]
        return sorted(jobs, key=lambda job: parse_receipt_key(job.key) or (), reverse=True)

    def _in_files(self) -> Iterator[Pending | None]:
        """The sessions of the agents' files; None for each that would not be compiled, or not from there."""
        reader = SessionReader(self._runtime.settings, _redactor(self._runtime), self._project)
        for files in self._fresh:
            read = reader.read(files)
            if isinstance(read, Reject):
                self.skipped.append(read)
                yield None
                continue
            receipt, blob = ordered(self._runtime.store, read[0]), read[1]
            if self._goes_in(receipt):
                self._replaced.add(session_of_receipt(key_of(receipt)))
                yield Pending(receipt, read_events(blob)[0])
            else:
                yield None

    def _goes_in(self, receipt: Receipt) -> bool:
        """Whether a session may leave this machine, is not there yet, and would be compiled."""
        known = self._runtime.store.size(key_of(receipt)) is not None
        stays = self._sharing.stays(receipt.session_id, receipt.cwd)
        return not known and not stays and self._wanted(receipt.project)

    def _on_their_way(self) -> Iterator[Pending | None]:
        """The sessions that wait in the spool; None for each that cannot be read or is replaced by what is new."""
        for job in self._spooled:
            slim = (
                None if session_of_receipt(job.key) in self._replaced else self._runtime.spool.read_slim(job)
            )
            if slim is None:
                yield None
                continue
            self._replaced.add(session_of_receipt(job.key))
            yield Pending(job.receipt, read_events(slim)[0])

    def _in_store(self) -> Iterator[Pending | None]:
        """The sessions that wait in the store; None for each that cannot be read or is replaced by what is new."""
        for key in self._waiting:
            if session_of_receipt(key) in self._replaced:
                yield None
                continue
            try:
                receipt = read_receipt(self._runtime.store, key)
                yield Pending(receipt, read_events(get_blob(self._runtime.store, receipt.slim))[0])
            except (DamagedError, KeyMissingError) as error:
                self.skipped.append(Reject(key, 0, error.message))
                yield None


def _redactor(runtime: Runtime) -> Redactor:
    """The runtime's own, or one with a passing key where there is none yet: a key would have to be written."""
    if redaction_key_known(runtime.settings):
        return runtime.redactor
    settings = runtime.settings.redaction
    return Redactor(b"", emails=settings.emails, rules=settings.rules)
