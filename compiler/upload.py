"""The one way in: agents' files are redacted, reduced to slim blobs, spooled, and acknowledged by the store.

A file that has not changed since its last upload is not read again: the home remembers size, time and inode of
each session's files with the receipt that came of them.
"""

from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from typing import NamedTuple

import msgspec

from compiler.author import author_of
from compiler.order import ordered
from compiler.runtime import Runtime
from compiler.seen import Seen, signature
from data_models.errors import SourceError
from data_models.events import Reject
from data_models.project import project_of
from data_models.records import Receipt
from store.blobs import blob_ref
from transcripts.redaction.engine import RULES_VERSION, Redactor
from transcripts.slim import SLIM_FORMAT, Slim, slim_session
from transcripts.sources import SessionFiles, find_sessions

_SPOOL_BATCH = 16
"""Sessions written to the spool, and from there to the store, at a time."""

Progress = Callable[[int, int], None]
"""Called with sessions done and sessions in all."""


@dataclass
class Uploaded:
    """What an upload did. `projects` are those of every session found, new or not."""

    new: list[str] = field(default_factory=list)
    unchanged: int = 0
    projects: set[str] = field(default_factory=set)
    raw_bytes: int = 0
    skipped: list[Reject] = field(default_factory=list)

    def add(self, upload: "_Upload") -> None:
        """Count one session."""
        self.new.append(upload.key)
        self.raw_bytes += upload.receipt.raw_bytes
        self.projects.add(upload.receipt.project)


class _Upload(NamedTuple):
    """One session on its way to the store."""

    files: SessionFiles
    receipt: Receipt
    blob: bytes
    key: str = ""


def upload(
    runtime: Runtime,
    sources: Sequence[Path],
    *,
    project: str = "",
    again: bool = False,
    progress: Progress | None = None,
) -> Uploaded:
    """Upload every session below these folders that is new or has grown.

    Args:
        runtime: the process's runtime.
        sources: folders or files of agents' sessions.
        project: the project of what is read, instead of each session's own.
        again: read also what has not changed; what the store lost or damaged of it is mended so.
        progress: told as sessions are done.

    Raises:
        SourceError: a source is missing, unreadable, or holds no session.
        StoreError: the store failed; what was read so far waits in the spool.
    """
    result = Uploaded()
    found = _find(sources, result)
    seen = Seen(runtime.home / "cache" / "uploads.json")
    salt = _salt(runtime, project)
    marks = {files.main: signature(_paths(files), salt) for files in found}
    fresh = []
    for files in found:
        known = None if again else seen.receipt(files.main, marks[files.main])
        if known and runtime.store.size(known.key) is not None:
            result.unchanged += 1
            result.projects.add(known.project)
        else:
            fresh.append(files)
    runtime.spool.flush(runtime.store)  # what an earlier run left behind
    done = result.unchanged
    for batch in _spooled(runtime, fresh, project, result):
        for one in batch:
            seen.remember(one.files.main, marks[one.files.main], one.key, one.receipt.project)
            result.add(one)
        done += len(batch)
        if progress:
            progress(done, len(found))
    if fresh:
        seen.save()
    runtime.spool.flush(runtime.store)
    return result


class Preview(msgspec.Struct, kw_only=True):
    """What an upload would do: sessions found, how many are new or have grown, bytes on disk, what is skipped."""

    sessions: int
    new: int
    raw_bytes: int
    skipped: list[Reject]


def preview(runtime: Runtime, sources: Sequence[Path], *, project: str = "") -> Preview:
    """What `upload` would do with the same arguments; nothing is written. Raises as it does."""
    result = Uploaded()
    found = _find(sources, result)
    seen = Seen(runtime.home / "cache" / "uploads.json")
    salt = _salt(runtime, project)
    new = [files for files in found if not seen.receipt(files.main, signature(_paths(files), salt))]
    return Preview(
        sessions=len(found),
        new=len(new),
        raw_bytes=sum(path.stat().st_size for files in found for path in _paths(files)),
        skipped=result.skipped,
    )


def _find(sources: Sequence[Path], result: Uploaded) -> list[SessionFiles]:
    found: dict[Path, SessionFiles] = {}
    for source in sources:
        here = find_sessions(source)
        result.skipped += here.skipped
        found |= {files.main: files for files in here.sessions}
    if not found:
        places = ", ".join(map(str, sources))
        raise SourceError(
            f"no sessions found in {places}", next_command=f"rlm-context doctor --source {sources[0]}"
        )
    return list(found.values())


def _salt(runtime: Runtime, project: str) -> str:
    """What besides the files decides a receipt: another store, name or rule makes it a new upload."""
    settings = runtime.settings.model_dump_json(include={"redaction", "project_aliases"})
    parts = (runtime.store.url, project, author_of(runtime.settings), settings, RULES_VERSION, SLIM_FORMAT)
    return repr(parts)


def _paths(files: SessionFiles) -> list[Path]:
    return [files.main, *(part.path for part in files.parts)]


def _spooled(
    runtime: Runtime, fresh: Sequence[SessionFiles], project: str, result: Uploaded
) -> Iterator[list[_Upload]]:
    """Read and spool the sessions batch by batch; what is yielded survives a crash."""
    author, redactor = author_of(runtime.settings), runtime.redactor
    waiting: Future[list[_Upload]] | None = None
    with ThreadPoolExecutor(1) as pool:  # waits for the disk while this thread reads on
        for batch in _batches(fresh):
            uploads = []
            for files in batch:
                slim = _slim(files, redactor)
                if isinstance(slim, Reject):
                    result.skipped.append(slim)
                else:
                    receipt = ordered(runtime.store, _receipt(runtime, files, slim, project, author))
                    uploads.append(_Upload(files, receipt, slim.blob))
            if waiting:
                yield waiting.result()
            waiting = pool.submit(_spool, runtime, uploads)
        if waiting:
            yield waiting.result()


def _spool(runtime: Runtime, uploads: list[_Upload]) -> list[_Upload]:
    keys = runtime.spool.add_many(((upload.receipt, upload.blob) for upload in uploads), runtime.store.url)
    return [upload._replace(key=key, blob=b"") for upload, key in zip(uploads, keys, strict=True)]


def _slim(files: SessionFiles, redactor: Redactor) -> Slim | Reject:
    """The session made slim, or why its main file cannot be read (any more)."""
    try:
        return slim_session(files, redactor)
    except OSError as error:
        return Reject(str(files.main), 0, error.strerror or "cannot be read")


def _batches(fresh: Sequence[SessionFiles]) -> Iterator[Sequence[SessionFiles]]:
    for at in range(0, len(fresh), _SPOOL_BATCH):
        yield fresh[at : at + _SPOOL_BATCH]


def _receipt(runtime: Runtime, files: SessionFiles, slim: Slim, project: str, author: str) -> Receipt:
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
        files=tuple(
            runtime.redactor(path.name.encode("utf-8", "replace").decode(), {}) for path in _paths(files)
        ),
        rejects=slim.rejects,
        redactions=slim.redactions,
        remote=remote,
        branch=slim.branch,
        cwd=slim.cwd,
        host_version=slim.host_version,
    )
