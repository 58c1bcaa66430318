"""One session's files as a slim blob: redacted, about a third of the bytes, in the host's own record shape.

The blob is zstd of JSON lines. The first is a header, {slim: 1, agent, session_id, file}. The others
carry `seq`, the 1-based line number in the raw file, `part` (a subagent's id, or a tool result's file name;
absent in the main file) and one of `record`, `reject` ({file, reason}) or `output` ({text, left_out}).
"""

import gc
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import msgspec
import zstandard

from data_models.events import LATEST_MS, Reject
from transcripts.agent import Agent, Part, SessionFiles
from transcripts.clean import Cleaner, Redact, parse_time
from transcripts.lines import UNREADABLE, Line, mend, read_lines, why
from transcripts.registry import AGENTS

SLIM_FORMAT = 1
OUTPUT_LIMIT = 200_000
"""Bytes kept of a persisted tool result: half from its head, half from its tail."""

REJECT_LIMIT = 1000
"""Rejects listed of one session; further ones are counted in one more."""

# Text is redacted before it is cut, with this much beyond the cut: half a secret is not recognised.
_CUT_MARGIN = 16 * 1024
ZSTD_LEVEL = 3
_FLUSH_BYTES = 1 << 20


class Slim(msgspec.Struct, frozen=True):
    """A session made slim.

    `records` and `raw_bytes` count what the files held, `redactions` the secrets replaced by kind. `event_ms`
    is the time of the newest record (Unix milliseconds), else the main file's mtime. `cwd`, `branch` and
    `host_version` are redacted and "" where no record states them; `cwd` is the session's first, the other
    two its last.
    """

    blob: bytes
    records: int
    raw_bytes: int
    rejects: tuple[Reject, ...]
    redactions: dict[str, int]
    event_ms: int
    cwd: str
    branch: str
    host_version: str


def slim_session(files: SessionFiles, redact: Redact) -> Slim:
    """Make one session slim. The same files give the same bytes.

    Args:
        files: the session's main file and parts, as `find_sessions` gives them.
        redact: replaces secrets; it sees every string that is kept.

    Raises:
        OSError: the main file cannot be read. Parts that cannot be read are rejects.
    """
    with _without_collecting():
        return _slim(files, redact)


def _slim(files: SessionFiles, redact: Redact) -> Slim:
    clean = Cleaner(redact)
    job = _Job(files, clean)
    job.transcript(files.main, "")
    for found in files.parts:
        part = msgspec.structs.replace(found, name=clean.text(found.name))
        try:
            if part.kind == "subagent":
                job.transcript(part.path, part.name)
            else:
                job.output(part)
        except OSError as error:
            job.reject(part.path, part.name, 0, error.strerror or "cannot be read")
    return job.finish()


@contextmanager
def _without_collecting() -> Iterator[None]:
    """Without the cycle collector: JSON values have no cycles, and looking for some costs 15% of the time."""
    was_enabled = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was_enabled:
            gc.enable()


class _Job:
    """The slimming of one session."""

    def __init__(self, files: SessionFiles, clean: Cleaner) -> None:
        self._files = files
        self._clean = clean
        self._agent: Agent = AGENTS[files.agent]
        self._encoder = msgspec.json.Encoder()
        self._zstd = zstandard.ZstdCompressor(level=ZSTD_LEVEL).compressobj()
        self._packed: list[bytes] = []
        self._pending = bytearray()
        self._rejects: list[Reject] = []
        self._unlisted = 0
        self._records = 0
        self._raw_bytes = 0
        self._newest = ""
        self._cwd = self._branch = self._version = ""
        header = {"slim": SLIM_FORMAT, "agent": files.agent, "session_id": files.session_id}
        self._write({**header, "file": clean.text(shown_path(files.main, files.main))})

    def transcript(self, path: Path, part: str) -> None:
        """Slim one file of records."""
        self._raw_bytes += path.stat().st_size
        for line in read_lines(path):
            self._records += 1
            try:
                record = self._slim(line)
            except UNREADABLE as error:
                self.reject(path, part, line.number, why(line, error))
                continue
            if record is not None:
                self._note(record, part)
                self._write(_entry(line.number, part, "record", record))

    def _slim(self, line: Line) -> dict[str, Any] | None:
        if line.content is None:
            raise msgspec.DecodeError
        try:
            return self._agent.slim(line.content, self._clean)
        except UNREADABLE:
            mended = mend(line.content)
            if mended is None:
                raise
            return self._agent.slim(mended, self._clean)

    def output(self, part: Part) -> None:
        """Slim one persisted tool result: plain text, of which head and tail are kept."""
        size = part.path.stat().st_size
        self._raw_bytes += size
        left_out = max(0, size - OUTPUT_LIMIT)
        with part.path.open("rb") as file:
            if not left_out:
                text = self._plain(file.read())
            else:
                half = OUTPUT_LIMIT // 2
                head = self._plain(file.read(half + _CUT_MARGIN))[:half]
                file.seek(size - half - _CUT_MARGIN)
                tail = self._plain(file.read(half + _CUT_MARGIN))[-half:]
                text = f"{head}\n[{left_out} bytes left out]\n{tail}"
        self._write(_entry(1, part.name, "output", {"text": text, "left_out": left_out}))

    def _plain(self, data: bytes) -> str:
        return self._clean.text(data.decode("utf-8", "replace").replace("\0", ""))

    def reject(self, path: Path, part: str, number: int, reason: str) -> None:
        """Note a line (0: the whole file) that cannot be read."""
        if len(self._rejects) == REJECT_LIMIT:
            self._unlisted += 1
            return
        shown = self._clean.text(shown_path(path, self._files.main))
        self._rejects.append(Reject(shown, number, reason))
        self._write(_entry(number, part, "reject", {"file": shown, "reason": reason}))

    def _note(self, record: dict[str, Any], part: str) -> None:
        time = record.get("timestamp")
        # Hosts write UTC in one form, of which the order of texts is the order of times.
        if isinstance(time, str) and time > self._newest and parse_time(time) is not None:
            self._newest = time
        if part:
            return  # a subagent may work elsewhere
        facts = self._agent.facts(record)
        self._cwd = self._cwd or facts.cwd or ""
        self._branch = facts.branch or self._branch
        self._version = facts.version or self._version

    def _write(self, entry: dict[str, Any]) -> None:
        self._encoder.encode_into(entry, self._pending, -1)
        self._pending += b"\n"
        if len(self._pending) >= _FLUSH_BYTES:
            self._packed.append(self._zstd.compress(self._pending))
            self._pending.clear()

    def finish(self) -> Slim:
        """Close the blob."""
        if self._unlisted:
            more = Reject(self._rejects[-1].file, 0, f"{self._unlisted} more lines that cannot be read")
            self._rejects.append(more)
            self._write(_entry(0, "", "reject", {"file": more.file, "reason": more.reason}))
        self._packed.append(self._zstd.compress(self._pending))
        self._packed.append(self._zstd.flush())
        newest = parse_time(self._newest)
        if newest is None:
            newest = min(max(int(self._files.main.stat().st_mtime * 1000), 0), LATEST_MS)
        return Slim(
            blob=b"".join(self._packed),
            records=self._records,
            raw_bytes=self._raw_bytes,
            rejects=tuple(self._rejects),
            redactions=self._clean.counts,
            event_ms=newest,
            cwd=self._cwd,
            branch=self._branch,
            host_version=self._version,
        )


def _entry(seq: int, part: str, name: str, value: dict[str, Any]) -> dict[str, Any]:
    return {"seq": seq, "part": part, name: value} if part else {"seq": seq, name: value}


def shown_path(path: Path, main: Path) -> str:
    """A file as the user knows it and the same on every machine: from the folder above the session's."""
    root = main.parent.parent
    return path.relative_to(root).as_posix() if path.is_relative_to(root) else path.name
