"""A slim blob as events."""

import io
from collections.abc import Iterator
from typing import Any

import msgspec
import zstandard

from data_models.errors import DamagedError
from data_models.events import Event, Reject
from transcripts.collect import Collector, Position
from transcripts.registry import AGENTS
from transcripts.slim import SLIM_FORMAT

PARSER_VERSION = 2
"""Grows whenever the same blob gives other events, so that stored events are made anew."""


class _Entry(msgspec.Struct, gc=False):
    """One line of a blob; the header has neither `seq` nor any of the others."""

    seq: int = 0
    part: str = ""
    record: dict[str, Any] | None = None
    reject: dict[str, str] | None = None
    output: dict[str, Any] | None = None
    slim: int = 0
    agent: str = ""
    file: str = ""


_ENTRY = msgspec.json.Decoder(_Entry)


def read_events(blob: bytes) -> tuple[list[Event], list[Reject]]:
    """The events of one session in file order, and what could not be read or is not known.

    Raises:
        DamagedError: the blob is not a slim blob of a format and agent that this version reads.
    """
    entries = _entries(blob)
    header = next(entries, None)
    if header is None or header.slim != SLIM_FORMAT or header.agent not in AGENTS:
        raise DamagedError("slim blob", "it does not begin with a header that this version knows")
    agent = AGENTS[header.agent]
    into = Collector()
    rejects: list[Reject] = []
    for entry in entries:
        if entry.record is not None:
            agent.events(entry.record, Position(seq=entry.seq, subagent=entry.part), into)
        elif entry.reject is not None:
            rejects.append(Reject(entry.reject.get("file", ""), entry.seq, entry.reject.get("reason", "")))
        elif entry.output is not None:
            at = Position(seq=entry.seq, subagent=entry.part)
            into.persisted(at, entry.part, str(entry.output.get("text", "")))
    events, unknown = into.finish(header.file)
    return events, rejects + unknown


def _entries(blob: bytes) -> Iterator[_Entry]:
    try:
        with zstandard.ZstdDecompressor().stream_reader(io.BytesIO(blob)) as reader:
            for line in io.BufferedReader(reader, 1 << 20):
                yield _ENTRY.decode(line)
    except (zstandard.ZstdError, msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise DamagedError("slim blob", "it cannot be decoded") from error
