"""What an agent module must offer, and the plain values that pass between finding, slimming and reading."""

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any, Literal, NamedTuple, Protocol

import msgspec

from data_models.events import Reject
from transcripts.clean import Cleaner
from transcripts.collect import Collector, Position

PartKind = Literal["subagent", "tool-result"]


class Part(msgspec.Struct, frozen=True):
    """A file beside a session's main file.

    `name` is the subagent's id, or the file name of a persisted tool result.
    """

    name: str
    path: Path
    kind: PartKind


class SessionFiles(msgspec.Struct, frozen=True):
    """The files of one session. `author` is "" where the source does not name one."""

    agent: str
    session_id: str
    author: str
    main: Path
    parts: tuple[Part, ...] = ()

    @property
    def paths(self) -> tuple[Path, ...]:
        """All of them, the main one first."""
        return (self.main, *(part.path for part in self.parts))


class Found(msgspec.Struct, frozen=True):
    """What a source holds. A skipped file is a `Reject` with line 0: it stands for the file as a whole."""

    sessions: tuple[SessionFiles, ...] = ()
    skipped: tuple[Reject, ...] = ()


class Facts(NamedTuple):
    """What one slim record says of its session."""

    cwd: str | None = None
    branch: str | None = None
    version: str | None = None


class Unknown(msgspec.Struct, frozen=True):
    """A thing in a record that this version does not know, for the drift report."""

    version: str
    what: str


class Agent(Protocol):
    """One kind of coding agent whose transcripts we read."""

    name: str

    def default_folders(self) -> list[Path]:
        """Where this agent keeps transcripts on this machine; the folders need not exist."""
        ...

    def find(self, folder: Path) -> Found | None:
        """The sessions of `folder` if it is laid out as this agent's, else None. Authors stay ""."""
        ...

    def recognises(self, record: Mapping[str, Any]) -> bool:
        """Whether a decoded line is a record of this agent."""
        ...

    def session_id(self, path: Path) -> str | None:
        """The id that the file's name holds, if it holds one."""
        ...

    def slim(self, line: bytes, clean: Cleaner) -> dict[str, Any] | None:
        """The record reduced to what knowledge can come from, every string redacted; None: nothing to keep.

        Raises:
            msgspec.DecodeError: the line is not a JSON object (also UnicodeDecodeError, RecursionError).
        """
        ...

    def facts(self, record: Mapping[str, Any]) -> Facts:
        """What a slim record says of its session."""
        ...

    def events(self, record: Mapping[str, Any], at: Position, into: Collector) -> None:
        """Add the events of one slim record to `into`."""
        ...

    def unknown(self, record: Mapping[str, Any]) -> Iterable[Unknown]:
        """Record types, block types and fields of a raw record that this module does not know."""
        ...
