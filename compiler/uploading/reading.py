"""One session of an agent as it would be stored: redacted, reduced to a slim blob, and described by a receipt."""

from compiler.uploading.author import author_of
from data_models.events import Reject
from data_models.project import project_of
from data_models.records import Receipt
from data_models.settings import Settings
from store.blobs import blob_ref
from transcripts.agent import SessionFiles
from transcripts.redaction.engine import Redactor
from transcripts.slim import Slim, slim_session


class SessionReader:
    """Reads the sessions of one upload.

    Args:
        settings: who uploads, and which projects go by another name.
        redactor: takes secrets out.
        project: the project of what is read, instead of each session's own.
    """

    def __init__(self, settings: Settings, redactor: Redactor, project: str = "") -> None:
        self._author = author_of(settings)
        self._aliases = settings.project_aliases
        self._redactor = redactor
        self._project = project

    def read(self, files: SessionFiles) -> tuple[Receipt, bytes] | Reject:
        """A session's receipt and slim blob, or why its main file cannot be read (any more)."""
        try:
            slim = slim_session(files, self._redactor)
        except OSError as error:
            return Reject(str(files.main), 0, error.strerror or "cannot be read")
        return self._receipt(files, slim), slim.blob

    def _receipt(self, files: SessionFiles, slim: Slim) -> Receipt:
        own, remote = project_of(slim.cwd) if slim.cwd else ("unknown", "")
        project = self._project or own
        names = (path.name.encode("utf-8", "replace").decode() for path in files.paths)
        return Receipt(
            session_id=files.session_id,
            agent=files.agent,
            author=(files.author or self._author).encode("utf-8", "replace").decode(),
            project=self._aliases.get(project, project),
            event_ms=slim.event_ms,
            slim=blob_ref(slim.blob),
            raw_bytes=slim.raw_bytes,
            records=slim.records,
            files=tuple(self._redactor(name, {}) for name in names),
            rejects=slim.rejects,
            redactions=slim.redactions,
            remote=remote,
            branch=slim.branch,
            cwd=slim.cwd,
            host_version=slim.host_version,
            rules=self._redactor.rules,
        )
