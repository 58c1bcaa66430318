"""Events of one session as they are gathered: de-duplication, token counts, queued words, what is unknown."""

import re
from collections import Counter
from pathlib import PurePath
from typing import Any

import msgspec

from data_models.events import Event, Kind, Reject, Role
from transcripts.clean import safe_name

# Our own compiled context as hooks and tools fence it. It must not come back in as knowledge.
_FENCE = re.compile(r"<rlm-context\b[^>]*>.*?</rlm-context>", re.DOTALL)
_FENCE_CUT = re.compile(r"<rlm-context\b[^>]*>.*\Z", re.DOTALL)
_DELIVERED = ("prompt", "command", "shell", "queued", "notification")
_PERSISTED = "<persisted-output>"
_SAVED_TO = re.compile(r"saved to: (.+)")
FENCE = "<rlm-context"


class Position(msgspec.Struct, gc=False):
    """Where a record stands and what all its events share. `block` counts the events made of it."""

    seq: int
    subagent: str = ""
    uuid: str | None = None
    time: int | None = None
    cwd: str | None = None
    git_branch: str | None = None
    host_version: str | None = None
    sidechain: bool = False
    message_id: str | None = None
    model: str | None = None
    block: int = 0


class Tokens(msgspec.Struct, gc=False):
    """Token counts of one API message."""

    input: int | None = None
    output: int | None = None
    cache_read: int | None = None
    cache_write: int | None = None


def count(value: Any) -> int | None:
    """A token count as a host states it; None for anything that cannot be one."""
    return value if type(value) is int and 0 <= value < 1 << 53 else None


class Collector:
    """The events of one session in file order."""

    def __init__(self) -> None:
        self.events: list[Event] = []
        self.tools: dict[str, tuple[str, Any]] = {}
        """(tool name, input) by tool_use_id, for the results that follow."""
        self.session: dict[str, str] = {}
        """What records carry forward to later ones, for hosts that state it once."""
        self._uuids: set[str] = set()
        self._tokens: dict[str, Tokens] = {}
        self._carrier: dict[str, Event] = {}
        self._queued: list[Event] = []
        self._persisted: dict[str, Event] = {}
        self._unknown: dict[str, list[Any]] = {}

    def is_new(self, uuid: object) -> bool:
        """Whether a record with this uuid was not seen before; records without one are always new."""
        if not isinstance(uuid, str):
            return True
        if uuid in self._uuids:
            return False
        self._uuids.add(uuid)
        return True

    def add(self, at: Position, role: Role, kind: Kind, text: str, **more: Any) -> Event | None:
        """Append one event; None where nothing but our own fenced context was in it."""
        if FENCE in text:
            text = _without_fence(text, role)
            if not text.strip():
                return None
        event = Event(
            seq=at.seq,
            block=at.block,
            role=role,
            kind=kind,
            text=text,
            subagent=at.subagent,
            uuid=at.uuid,
            message_id=at.message_id,
            time=at.time,
            model=at.model,
            cwd=at.cwd,
            git_branch=at.git_branch,
            host_version=at.host_version,
            sidechain=at.sidechain,
            **more,
        )
        at.block += 1
        self.events.append(event)
        if at.message_id is not None:
            self._carrier.setdefault(at.message_id, event)
        return event

    def add_queued(self, at: Position, role: Role, kind: Kind, text: str) -> None:
        """Append text from a queue; `finish` drops it again if it was also delivered as a prompt."""
        event = self.add(at, role, kind, text)
        if event is not None:
            self._queued.append(event)

    def was_queued(self, text: str) -> bool:
        """Whether a queue operation brought this text before."""
        return any(event.text.strip() in text for event in self._queued)

    def note_persisted(self, result: Event, path: object) -> None:
        """Note the file that the host saved a large result to: the text shows it, or `path` names it."""
        name = PurePath(path).name if isinstance(path, str) else None
        if name is None and result.text.startswith(_PERSISTED):
            match = _SAVED_TO.search(result.text[:2000])
            name = PurePath(match[1].strip()).name if match else None
        if name:
            self._persisted.setdefault(name, result)

    def persisted(self, at: Position, name: str, text: str) -> None:
        """Put a saved result in place of the preview that the record holds, or append it as a result."""
        result = self._persisted.get(name)
        if result is not None:
            result.text = text
        else:
            self.add(at, "tool", "tool_result", text)

    def count_tokens(self, message_id: str, tokens: Tokens) -> None:
        """Note one line's counts; the host repeats them, the largest output is final."""
        known = self._tokens.get(message_id)
        if known is None or (tokens.output or 0) >= (known.output or 0):
            self._tokens[message_id] = tokens

    def unknown(self, at: Position, what: str, name: object) -> None:
        """Count something this version does not know. The name is a host's word, never content."""
        entry = self._unknown.setdefault(f"unknown {what} {safe_name(name)}", [at.seq, at.subagent, 0])
        entry[2] += 1

    def finish(self, file: str) -> tuple[list[Event], list[Reject]]:
        """The events, and what was unknown: one reject for each kind of it, at its first line."""
        for message_id, tokens in self._tokens.items():
            event = self._carrier.get(message_id)
            if event is not None:
                event.input_tokens = tokens.input
                event.output_tokens = tokens.output
                event.cache_read_tokens = tokens.cache_read
                event.cache_write_tokens = tokens.cache_write
        rejects = [
            Reject(f"{file} ({part})" if part else file, seq, f"{what} ({count} in this session)")
            for what, (seq, part, count) in self._unknown.items()
        ]
        return self._without_delivered(), rejects

    def _without_delivered(self) -> list[Event]:
        if not self._queued:
            return self.events
        queued = {id(event) for event in self._queued}
        delivered = Counter(
            event.text.strip()
            for event in self.events
            if event.kind in _DELIVERED and id(event) not in queued
        )
        gone = {id(event) for event in self._queued if _take(event.text.strip(), delivered)}
        return [event for event in self.events if id(event) not in gone]


def _take(text: str, delivered: Counter[str]) -> bool:
    if delivered[text] > 0:
        delivered[text] -= 1
        return True
    # Several queued texts are delivered as one prompt, a line apart.
    return any(f"\n{text}\n" in f"\n{whole}\n" for whole in delivered if len(whole) > len(text))


def _without_fence(text: str, role: Role) -> str:
    text = _FENCE.sub("", text)
    # What people and agents say about the fence is theirs; elsewhere a cut-off fence is still our own text.
    return text if role in ("human", "assistant") else _FENCE_CUT.sub("", text)
