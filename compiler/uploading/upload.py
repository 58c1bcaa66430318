"""The one way in: agents' files are redacted, reduced to slim blobs, spooled, and acknowledged by the store.

A session that may not be shared goes to the default local store instead (`compiler.uploading.sharing`). A file that
has not changed since its last upload is not read again (`compiler.uploading.seen`).
"""

from collections.abc import Callable, Sequence
from pathlib import Path

from compiler.runtime import Runtime
from compiler.uploading.destinations import Destinations
from compiler.uploading.readable import write_readable
from compiler.uploading.reading import SessionReader
from compiler.uploading.seen import Known, Seen
from compiler.uploading.spooling import FORGOTTEN, Spooled, Spooling
from compiler.uploading.uploaded import Kept, Uploaded
from data_models.events import Reject
from transcripts.agent import SessionFiles
from transcripts.sources import find_all_sessions

Progress = Callable[[int, int], None]
"""Called with sessions done and sessions in all."""


def upload(
    runtime: Runtime,
    sources: Sequence[Path],
    *,
    project: str = "",
    again: bool = False,
    readable_copies: bool = True,
    progress: Progress = lambda done, total: None,
) -> Uploaded:
    """Upload every session below these folders that is new or has grown.

    Args:
        runtime: the process's runtime.
        sources: folders or files of agents' sessions.
        project: the project of what is read, instead of each session's own.
        again: read also what has not changed; what the store lost or damaged of it is mended so.
        readable_copies: write each session as text for people too (`compiler.uploading.readable`).
        progress: told as sessions are done.

    Raises:
        SourceError: a source is missing, unreadable, or holds no session.
        StoreError: the store failed; what was read so far waits in the spool.
    """
    found = find_all_sessions(sources)
    result = upload_sessions(
        runtime,
        found.sessions,
        project=project,
        again=again,
        readable_copies=readable_copies,
        progress=progress,
    )
    result.skipped = [*found.skipped, *result.skipped]
    return result


def upload_sessions(
    runtime: Runtime,
    found: Sequence[SessionFiles],
    *,
    project: str = "",
    again: bool = False,
    readable_copies: bool = True,
    progress: Progress = lambda done, total: None,
) -> Uploaded:
    """Upload those of these sessions that are new or have grown; arguments and errors as of `upload`."""
    uploading = _Upload(runtime, found, project)
    uploading.send(uploading.choose(again=again), progress)
    if readable_copies:
        uploading.write_readable_copies()
    return uploading.result


class _Upload:
    """One upload under way, and in `result` what came of it."""

    def __init__(self, runtime: Runtime, found: Sequence[SessionFiles], project: str) -> None:
        self._runtime = runtime
        self._found = found
        self._project = project
        self._seen = Seen(runtime, found, project)
        self._destinations = Destinations(runtime, named=bool(project))
        self.result = Uploaded()

    def choose(self, *, again: bool) -> list[SessionFiles]:
        """The sessions to read; the others are counted."""
        fresh = []
        for files in self._found:
            known = None if again else self._seen.known(files)
            if self._destinations.forgot(self._runtime.store.url, files.session_id):
                self.result.skipped.append(Reject(str(files.main), 0, FORGOTTEN))
            elif known and self._destinations.holds(files.session_id, known):
                self.result.unchanged += 1
                self.result.projects.add(known.project)
                self._note_kept(files.session_id, known.cwd)
            else:
                fresh.append(files)
        return fresh

    def send(self, fresh: Sequence[SessionFiles], progress: Progress) -> None:
        """Read sessions, spool them, and write them to the stores that they go to."""
        self._destinations.flush()  # what an earlier run left behind
        reader = SessionReader(self._runtime.settings, self._runtime.redactor, self._project)
        spooling = Spooling(self._runtime.spool, reader, self._destinations)
        done = self.result.unchanged
        for batch in spooling.take(fresh):
            for one in batch:
                self._count(one)
            done += len(batch)
            progress(done, len(self._found))
        self.result.skipped += spooling.skipped
        if fresh:
            self._seen.save()
        self._destinations.flush()

    def write_readable_copies(self) -> None:
        """Write what was sent as text for people, from the spool, which holds it still."""
        sent = {(one.store, one.receipt) for one in self.result.sent}
        spool = self._runtime.spool
        for job in spool.pending():
            if (job.store_url, job.key) in sent and (blob := spool.read_slim(job)) is not None:
                store = self._destinations.store(job.store_url)
                self.result.degraded += write_readable(store, job.receipt, blob)

    def _count(self, one: Spooled) -> None:
        receipt = one.receipt
        self._seen.remember(one.files, Known(one.key, receipt.project, one.store, receipt.cwd))
        self._note_kept(receipt.session_id, receipt.cwd)
        self.result.add(receipt, one.key, one.store)

    def _note_kept(self, session_id: str, cwd: str) -> None:
        reason = self._destinations.stays(session_id, cwd)
        if reason:
            self.result.kept.append(Kept(session_id=session_id, cwd=cwd, reason=reason))
