"""The drift report: what stands in a source's raw records that this version does not know."""

from collections import Counter
from pathlib import Path

import msgspec

from transcripts.clean import safe_name
from transcripts.lines import decoded, read_lines
from transcripts.registry import AGENTS
from transcripts.sources import find_sessions


class DriftRow(msgspec.Struct, frozen=True, order=True):
    """One unknown thing: `example` is "file:line" of its first place, `host_version` "" where not stated."""

    agent: str
    host_version: str
    what: str
    count: int
    example: str


def drift_report(source: Path) -> list[DriftRow]:
    """Unknown record types, block types and fields of all sessions in a source, sorted.

    Raises:
        SourceError: the source is missing, empty or unreadable.
    """
    counts: Counter[tuple[str, str, str]] = Counter()
    examples: dict[tuple[str, str, str], str] = {}
    for session in find_sessions(source).sessions:
        agent = AGENTS[session.agent]
        paths = [session.main, *(part.path for part in session.parts if part.kind == "subagent")]
        for path in paths:
            for line in read_lines(path):
                record = decoded(line.content) if line.content else None
                for found in agent.unknown(record) if record else ():
                    key = (session.agent, safe_name(found.version), safe_name(found.what))
                    counts[key] += 1
                    examples.setdefault(key, f"{path}:{line.number}")
    return sorted(DriftRow(*key, count, examples[key]) for key, count in counts.items())
