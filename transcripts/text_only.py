"""Sessions of which only a text is left: an agent module whose name says so wherever a session's agent is shown.

No host writes these. `records` makes them of a plain text, one record a turn where lines show who speaks
("User:", "## Assistant", "[2026-03-01 10:00] tool: …"), else one a paragraph. What nobody is named for counts as the
agent's: of what is searched, that has the least say.
"""

import re
from collections.abc import Iterable, Iterator, Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, NamedTuple

import msgspec

from data_models.events import Kind, Role
from data_models.project import normalise_remote
from transcripts.agent import Facts, Found, Unknown
from transcripts.clean import Cleaner, parse_time
from transcripts.collect import Collector, Position

_HEAD_LINES = 20
"""So many lines of a text are searched for what it says of itself."""

_TIME = r"[\[(](?P<{}>\d{{4}}-\d\d-\d\d[^\])]{{0,30}})[\])]"
_SPEAKER = re.compile(
    rf"""(?P<marks>[#>*_\s]{{0,8}}) (?:{_TIME.format("before")}\s*)?
    (?P<bracket>\[?) (?P<who>human|user|you|assistant|claude|codex|agent|ai|tool(?:[ ](?:result|output))?|system)
    \]? [*_]{{0,3}} (?:\s*{_TIME.format("after")})? (?P<colon>:?) [*_]{{0,3}} (?:\s+(?P<said>.*))? """,
    re.IGNORECASE | re.VERBOSE | re.DOTALL,
)
_FACT = re.compile(
    r"[#*\-\s]{0,4}(author|project|remote|repository)\**(?::|\s{2})\**\s*(\S.{0,199})", re.IGNORECASE
)
_SPEAKERS = {"human": "human", "user": "human", "you": "human", "system": "system"}
_VOICES: Mapping[str, tuple[Role, Kind]] = {
    "human": ("human", "prompt"),
    "assistant": ("assistant", "text"),
    "tool": ("tool", "tool_result"),
    "system": ("harness", "context"),
}
_ANY = msgspec.json.Decoder(dict[str, Any])


class Stated(NamedTuple):
    """What the head of a text says of its session; "" where it says nothing."""

    author: str = ""
    project: str = ""


def stated(text: str) -> Stated:
    """Author and project (else the project of the remote) as lines "author: …" among the first twenty say it."""
    facts: dict[str, str] = {}
    for line in text.split("\n", _HEAD_LINES)[:_HEAD_LINES]:
        match = _FACT.fullmatch(line.rstrip())
        if match:
            value = "".join(filter(str.isprintable, match[2])).strip(" *")
            facts.setdefault(match[1].lower(), value)
    remote = normalise_remote(facts.get("remote") or facts.get("repository") or "")
    return Stated(facts.get("author", ""), facts.get("project") or remote)


def records(text: str) -> Iterator[dict[str, str]]:
    """A text as records of this module, {by, text, timestamp}, the last where it is shown; none of blank text."""
    turns = list(_turns(text.replace("\r\n", "\n").replace("\0", "")))
    if all(not record["by"] for record, _ in turns):
        turns = [({"by": ""}, [part]) for _, lines in turns for part in "\n".join(lines).split("\n\n")]
    for record, lines in turns:
        said = "\n".join(lines).strip("\n")
        if said.strip():
            yield record | {"text": said}


def _turns(text: str) -> Iterator[tuple[dict[str, str], list[str]]]:
    record: dict[str, str] = {"by": ""}
    lines: list[str] = []
    for line in text.split("\n"):
        match = _speaker(line)
        if match is None:
            lines.append(line)
            continue
        yield record, lines
        record = _record(match)
        lines = [match["said"] or ""]
    yield record, lines


def _speaker(line: str) -> re.Match[str] | None:
    """The line as one that names who speaks next: by a colon, or by nothing but the name, marked as a heading."""
    match = _SPEAKER.fullmatch(line)
    if match is None:
        return None
    is_heading = bool(match["marks"].strip() or match["bracket"] or match["before"] or match["after"])
    return match if match["colon"] or (is_heading and not match["said"]) else None


def _record(match: re.Match[str]) -> dict[str, str]:
    who = match["who"].lower()
    record = {"by": "tool" if who.startswith("tool") else _SPEAKERS.get(who, "assistant")}
    time = parse_time((match["before"] or match["after"] or "").strip())
    if time is not None:
        # The one form in which hosts write times.
        record["timestamp"] = datetime.fromtimestamp(time / 1000, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
    return record


class TextOnly:
    """The agent module of such texts; see `transcripts.agent.Agent`."""

    name = "text-only"

    def default_folders(self) -> list[Path]:
        """None: no agent writes these."""
        return []

    def find(self, folder: Path) -> Found | None:
        """Nowhere: a text in a folder may be anything."""
        return None

    def recognises(self, record: Mapping[str, Any]) -> bool:
        """No line of a file is one of ours."""
        return False

    def session_id(self, path: Path) -> str | None:
        """A file's name says nothing."""
        return None

    def slim(self, line: bytes, clean: Cleaner) -> dict[str, Any] | None:
        """See `Agent.slim`."""
        record = _ANY.decode(line)
        kept = {"by": _known(record.get("by")), "text": clean.text(str(record.get("text", "")))}
        time = record.get("timestamp")
        return kept if time is None else kept | {"timestamp": clean.time(time)}

    def facts(self, record: Mapping[str, Any]) -> Facts:
        """None: what a text says of itself is asked of its whole (`stated`)."""
        return Facts()

    def events(self, record: Mapping[str, Any], at: Position, into: Collector) -> None:
        """See `Agent.events`."""
        at.time = parse_time(record.get("timestamp"))
        role, kind = _VOICES[_known(record.get("by")) or "assistant"]
        into.add(at, role, kind, str(record.get("text", "")))

    def unknown(self, record: Mapping[str, Any]) -> Iterable[Unknown]:
        """Nothing: there is no version that could write more."""
        return ()


def _known(by: object) -> str:
    return by if isinstance(by, str) and by in _VOICES else ""
