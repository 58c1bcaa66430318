"""What the project is, as its own files or people say it."""

import re
from collections.abc import Iterator, Sequence
from pathlib import PurePosixPath

import msgspec

from compiler.extractive import calls
from compiler.extractive.making import make
from compiler.extractive.text import sentences, shorten
from compiler.extractive.turns import folders, is_main
from data_models.events import Event
from data_models.knowledge import Statement

ABOUT = "what this is: "

_WORTH = {"README.md": 0.95, "README.rst": 0.95, "README": 0.95, "CLAUDE.md": 0.9, "AGENTS.md": 0.9}
_SAID = 0.85
_NUMBERED = re.compile(r"^\s*\d+(?:→|\t)", re.MULTILINE)
_SHOWS = re.compile(r"(?:cat|head(?: -n? ?\d+)?|sed -n '?1,\d+p'?) ([\w./-]+)\s*$")
_BEGINNING = 4_000
_SHORTEST = 30
_LONGEST = 220
_SHORTEST_NAME = 4
_MOST_SENTENCES = 6


def about(events: Sequence[Event]) -> Iterator[Statement]:
    """The first sentence of a README or instruction file that was read, and sentences that begin with the
    project's name ("Orchard sorts apples")."""
    roots = folders(events)
    named = _named(roots)
    reads: dict[str, str] = {}
    for event in events:
        if event.kind == "tool_use" and event.tool_use_id:
            path = _read(event, roots)
            if path in _WORTH:
                reads[event.tool_use_id] = path
        elif event.kind == "tool_result" and event.tool_use_id in reads and not event.is_error:
            text = _first(event.text)
            if text:
                yield _about(text, event, _WORTH[reads[event.tool_use_id]])
        elif named and event.kind == "prompt" and event.role == "human" and is_main(event):
            for sentence in sentences(event.text[:_BEGINNING])[:_MOST_SENTENCES]:
                if _SHORTEST <= len(sentence.text) <= _LONGEST and named.match(sentence.text):
                    yield _about(sentence.text, event, _SAID)


def _read(call: Event, roots: Sequence[str]) -> str:
    """The file that a call reads from its beginning, relative to the working folder; "" if it reads none."""
    if call.tool == "Read" and call.file_path:
        return calls.relative(call.file_path, roots)
    shown = _SHOWS.match(calls.command_of(call))
    return shown[1] if shown else ""


def _about(text: str, event: Event, weight: float) -> Statement:
    return msgspec.structs.replace(make("pattern", f"{ABOUT}{text}", event, weight), by="tool")


def _named(roots: Sequence[str]) -> re.Pattern[str] | None:
    """A sentence that says what something named like one of the working folders is or does."""
    names = {PurePosixPath(root).name for root in roots}
    known = sorted(re.escape(name) for name in names if len(name) >= _SHORTEST_NAME and name.isalnum())
    return re.compile(rf"^(?:The )?(?:{'|'.join(known)}) (?:is|are|[a-z]{{2,}}s)\b", re.I) if known else None


def _first(text: str) -> str:
    """The first sentence of prose in a file as a tool shows it: only where it was read from its beginning."""
    if _NUMBERED.match(text) and not re.match(r"\s*1(?:→|\t)", text):
        return ""
    for sentence in sentences(_NUMBERED.sub("", text[:_BEGINNING])):
        if len(sentence.text) >= _SHORTEST and not sentence.listed and sentence.text[-1] in ".!":
            return shorten(sentence.text, _LONGEST)
    return ""
