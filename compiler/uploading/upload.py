"""The one way in: agents' files are redacted, reduced to slim blobs, spooled, and acknowledged by the store.

A session that may not be shared goes to the default local store instead (`compiler.uploading.sharing`). A file that
has not changed since its last upload is not read again: the home remembers size, time and inode of each session's
files with the receipt that came of them.
"""

from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from typing import NamedTuple

import msgspec

from compiler.order import ordered
from compiler.runtime import Runtime
from compiler.uploading.author import author_of
from compiler.uploading.destinations import Destinations
from compiler.uploading.readable import write_readable
from compiler.uploading.seen import Known, Seen, signature
from data_models.errors import SourceError
from data_models.events import Reject
from data_models.project import project_of
from data_models.records import Receipt
from store.blobs import blob_ref
from transcripts.redaction.engine import RULES_VERSION, Redactor
from transcripts.slim import SLIM_FORMAT, Slim, slim_session
from transcripts.sources import Found, SessionFiles, find_sessions

_SPOOL_BATCH = 16
"""Sessions written to the spool, and from there to the store, at a time."""

FORGOTTEN = "it was forgotten (rlm-context forget), so nothing of it is kept"
"""Why a session is not uploaded."""

Progress = Callable[[int, int], None]
"""Called with sessions done and sessions in all."""


class Sent(msgspec.Struct, frozen=True, kw_only=True):
    """One session state that a store now has: `bytes` of the slim blob, `redactions` secrets by kind."""

    session_id: str
    agent: str
    author: str
    project: str
    store: str
    receipt: str
    bytes: int
    redactions: dict[str, int]


class Kept(msgspec.Struct, frozen=True, kw_only=True):
    """A session that stays on this machine, the folder it ran in, and why."""

    session_id: str
    cwd: str
    reason: str


@dataclass
class Uploaded:
    """What an upload did. `new` and `sent` are in the same order, the keys of the receipts and what they are of.

    `projects` are those of every session found, new or not; `kept` the sessions found that may not go to the
    store, and so went to the default local one; `degraded` what is less than it could be, and why.
    """

    new: list[str] = field(default_factory=list)
    sent: list[Sent] = field(default_factory=list)
    kept: list[Kept] = field(default_factory=list)
    degraded: list[str] = field(default_factory=list)
    unchanged: int = 0
    projects: set[str] = field(default_factory=set)
    raw_bytes: int = 0
    skipped: list[Reject] = field(default_factory=list)

    def add(self, upload: "_Upload") -> None:
        """Count one session."""
        self.new.append(upload.key)
        self.sent.append(_sent(upload))
        self.raw_bytes += upload.receipt.raw_bytes
        self.projects.add(upload.receipt.project)


class _Upload(NamedTuple):
    """One session on its way to the store."""

    files: SessionFiles
    receipt: Receipt
    blob: bytes
    store: str
    key: str = ""


def upload(
    runtime: Runtime,
    sources: Sequence[Path],
    *,
    project: str = "",
    again: bool = False,
    readable_copies: bool = True,
    progress: Progress | None = None,
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
    found = found_in(sources)
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
    progress: Progress | None = None,
) -> Uploaded:
    """Upload those of these sessions that are new or have grown; arguments and errors as of `upload`."""
    result = Uploaded()
    seen = Seen(runtime.home / "cache" / "uploads.json")
    destinations = Destinations(runtime, named=bool(project))
    marks = _marks(runtime, found, project)
    fresh = []
    for files in found:
        if destinations.forgot(runtime.store.url, files.session_id):
            result.skipped.append(Reject(str(files.main), 0, FORGOTTEN))
            continue
        known = None if again else seen.receipt(files.main, marks[files.main])
        if known and destinations.holds(files.session_id, known):
            result.unchanged += 1
            result.projects.add(known.project)
            _note_kept(destinations, files.session_id, known.cwd, result)
        else:
            fresh.append(files)
    destinations.flush()  # what an earlier run left behind
    done = result.unchanged
    for batch in _spooled(runtime, destinations, fresh, project, result):
        for one in batch:
            receipt = one.receipt
            seen.remember(
                one.files.main, marks[one.files.main], Known(one.key, receipt.project, one.store, receipt.cwd)
            )
            _note_kept(destinations, receipt.session_id, receipt.cwd, result)
            result.add(one)
        done += len(batch)
        if progress:
            progress(done, len(found))
    if fresh:
        seen.save()
    destinations.flush()
    if readable_copies:
        result.degraded += _write_readable(runtime, destinations, result.sent)
    return result


def _write_readable(runtime: Runtime, destinations: Destinations, sent: Sequence[Sent]) -> list[str]:
    """Write the readable copies of what was uploaded, from the spool, which holds it still; what failed, and why."""
    failed: list[str] = []
    uploaded = {(one.store, one.receipt) for one in sent}
    for job in runtime.spool.pending():
        if (job.store_url, job.key) in uploaded and (blob := runtime.spool.read_slim(job)) is not None:
            failed += write_readable(destinations.store(job.store_url), job.receipt, blob)
    return failed


def unsent(runtime: Runtime, found: Sequence[SessionFiles]) -> list[SessionFiles]:
    """Those of these sessions that `upload_sessions` would read: new, grown, or meant for another store now."""
    seen = Seen(runtime.home / "cache" / "uploads.json")
    destinations = Destinations(runtime)
    marks = _marks(runtime, found, "")
    known = {files.main: seen.receipt(files.main, marks[files.main]) for files in found}
    return [
        files
        for files in found
        if (one := known[files.main]) is None or not destinations.holds(files.session_id, one)
    ]


def _marks(runtime: Runtime, found: Sequence[SessionFiles], project: str) -> dict[Path, str]:
    salt = _salt(runtime, project)
    return {files.main: signature(_paths(files), salt) for files in found}


def _note_kept(destinations: Destinations, session_id: str, cwd: str, result: Uploaded) -> None:
    reason = destinations.stays(session_id, cwd)
    if reason:
        result.kept.append(Kept(session_id=session_id, cwd=cwd, reason=reason))


def _sent(upload: _Upload) -> Sent:
    receipt = upload.receipt
    return Sent(
        session_id=receipt.session_id,
        agent=receipt.agent,
        author=receipt.author,
        project=receipt.project,
        store=upload.store,
        receipt=upload.key,
        bytes=receipt.slim.size,
        redactions=receipt.redactions,
    )


class Preview(msgspec.Struct, kw_only=True):
    """What an upload would do: sessions found, how many are new or have grown, bytes on disk, what is skipped."""

    sessions: int
    new: int
    raw_bytes: int
    skipped: list[Reject]


def preview(
    runtime: Runtime, sources: Sequence[Path], *, project: str = "", again: bool = False
) -> tuple[Preview, list[SessionFiles]]:
    """What `upload` would do with the same arguments, and the sessions that it would read; nothing is written.

    Raises as it does.
    """
    holding = found_in(sources)
    found = list(holding.sessions)
    seen = Seen(runtime.home / "cache" / "uploads.json")
    salt = _salt(runtime, project)
    new = [files for files in found if not seen.receipt(files.main, signature(_paths(files), salt))]
    told = Preview(
        sessions=len(found),
        new=len(new),
        raw_bytes=sum(path.stat().st_size for files in found for path in _paths(files)),
        skipped=list(holding.skipped),
    )
    return told, found if again else new


def read_session(
    runtime: Runtime, files: SessionFiles, project: str, author: str, redactor: Redactor
) -> tuple[Receipt, bytes] | Reject:
    """A session as it would be stored, receipt and slim blob, or why its main file cannot be read (any more)."""
    try:
        slim = slim_session(files, redactor)
    except OSError as error:
        return Reject(str(files.main), 0, error.strerror or "cannot be read")
    return _receipt(runtime, files, slim, project, author, redactor), slim.blob


def found_in(sources: Sequence[Path]) -> Found:
    """The sessions of all these folders or files, each file once.

    Raises:
        SourceError: a source is missing, unreadable, or holds no session.
    """
    sessions: dict[Path, SessionFiles] = {}
    skipped: list[Reject] = []
    for source in sources:
        here = find_sessions(source)
        skipped += here.skipped
        sessions |= {files.main: files for files in here.sessions}
    if not sessions:
        places = ", ".join(map(str, sources))
        raise SourceError(
            f"no sessions found in {places}", next_command=f"rlm-context doctor --source {sources[0]}"
        )
    return Found(tuple(sessions.values()), tuple(skipped))


def _salt(runtime: Runtime, project: str) -> str:
    """What besides the files decides a receipt: another store, name or rule makes it a new upload."""
    settings = runtime.settings.model_dump_json(include={"redaction", "project_aliases"})
    parts = (runtime.store.url, project, author_of(runtime.settings), settings, RULES_VERSION, SLIM_FORMAT)
    return repr(parts)


def _paths(files: SessionFiles) -> list[Path]:
    return [files.main, *(part.path for part in files.parts)]


def _spooled(
    runtime: Runtime,
    destinations: Destinations,
    fresh: Sequence[SessionFiles],
    project: str,
    result: Uploaded,
) -> Iterator[list[_Upload]]:
    """Read and spool the sessions batch by batch; what is yielded survives a crash."""
    author, redactor = author_of(runtime.settings), runtime.redactor
    waiting: Future[list[_Upload]] | None = None
    with ThreadPoolExecutor(1) as pool:  # waits for the disk while this thread reads on
        for batch in _batches(fresh):
            uploads = []
            for files in batch:
                read = read_session(runtime, files, project, author, redactor)
                if isinstance(read, Reject):
                    result.skipped.append(read)
                else:
                    receipt, blob = read
                    store = destinations.of(receipt.session_id, receipt.cwd)
                    if destinations.forgot(store.url, receipt.session_id):
                        result.skipped.append(Reject(str(files.main), 0, FORGOTTEN))
                        continue
                    uploads.append(_Upload(files, ordered(store, receipt), blob, store.url))
            if waiting:
                yield waiting.result()
            waiting = pool.submit(_spool, runtime, destinations, uploads)
        if waiting:
            yield waiting.result()


def _spool(runtime: Runtime, destinations: Destinations, uploads: list[_Upload]) -> list[_Upload]:
    done: list[_Upload] = []
    for url in sorted({upload.store for upload in uploads}):
        mine = [upload for upload in uploads if upload.store == url]
        destinations.note_leaving(url, [upload.receipt for upload in mine])
        keys = runtime.spool.add_many(((upload.receipt, upload.blob) for upload in mine), url)
        done += [upload._replace(key=key, blob=b"") for upload, key in zip(mine, keys, strict=True)]
    return done


def _batches(fresh: Sequence[SessionFiles]) -> Iterator[Sequence[SessionFiles]]:
    for at in range(0, len(fresh), _SPOOL_BATCH):
        yield fresh[at : at + _SPOOL_BATCH]


def _receipt(
    runtime: Runtime, files: SessionFiles, slim: Slim, project: str, author: str, redactor: Redactor
) -> Receipt:
    own, remote = project_of(slim.cwd) if slim.cwd else ("unknown", "")
    name = project or own
    return Receipt(
        session_id=files.session_id,
        agent=files.agent,
        author=(files.author or author).encode("utf-8", "replace").decode(),
        project=runtime.settings.project_aliases.get(name, name),
        event_ms=slim.event_ms,
        slim=blob_ref(slim.blob),
        raw_bytes=slim.raw_bytes,
        records=slim.records,
        files=tuple(redactor(path.name.encode("utf-8", "replace").decode(), {}) for path in _paths(files)),
        rejects=slim.rejects,
        redactions=slim.redactions,
        remote=remote,
        branch=slim.branch,
        cwd=slim.cwd,
        host_version=slim.host_version,
        rules=redactor.rules,
    )
