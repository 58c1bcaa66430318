"""A transcript file as numbered lines, whatever bytes it holds."""

import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, NamedTuple

import msgspec

LONGEST_LINE = 64 * 1024 * 1024
"""Lines above this many bytes are rejected unread; the longest real one seen is 1 MB."""

_BUFFER = 1 << 18
_PADDING = b"\0 \t\r\n"
UNREADABLE = (msgspec.DecodeError, UnicodeDecodeError, RecursionError)


class Line(NamedTuple):
    """One line: its 1-based number, its bytes without padding, and whether a newline ended it.

    `content` is None where the line was too long to read.
    """

    number: int
    content: bytes | None
    ended: bool


def read_lines(path: Path) -> Iterator[Line]:
    """The lines of a file that are not blank, split on "\\n" only, one at a time.

    Raises:
        OSError: the file cannot be read.
    """
    number = 0
    with path.open("rb", buffering=_BUFFER) as file:
        while line := file.readline(LONGEST_LINE):
            number += 1
            ended = line.endswith(b"\n")
            if not ended and len(line) == LONGEST_LINE:
                yield Line(number, None, _skip_rest(file.readline))
                continue
            # A record needs no stripping, which would copy it: JSON allows the newline at its end.
            content = line if line[:1] == b"{" else line.strip(_PADDING)
            if content:
                yield Line(number, content, ended)


def _skip_rest(readline: Callable[[int], bytes]) -> bool:
    while rest := readline(LONGEST_LINE):
        if rest.endswith(b"\n"):
            return True
    return False


def mend(line: bytes) -> bytes | None:
    """The same JSON value as strict JSON, or None where there is none.

    Invalid UTF-8 and lone surrogates become U+FFFD, raw control characters are accepted, NaN and numbers
    out of range become null.
    """
    try:
        value = json.loads(line.decode("utf-8", "replace"), strict=False)
        return msgspec.json.encode(_without_surrogates(value))
    except (ValueError, RecursionError):
        return None


def _without_surrogates(value: Any) -> Any:
    if isinstance(value, str):
        return (
            value if value.isascii() else value.encode("utf-16", "surrogatepass").decode("utf-16", "replace")
        )
    if isinstance(value, dict):
        return {_without_surrogates(key): _without_surrogates(item) for key, item in value.items()}
    if isinstance(value, list):
        return [_without_surrogates(item) for item in value]
    return value


def why(line: Line, error: BaseException | None = None) -> str:
    """Why a line was rejected, in words that hold nothing of its content."""
    if line.content is None:
        return f"longer than {LONGEST_LINE // (1024 * 1024)} MB"
    if not line.ended:
        return "half a line at the end of the file"
    if isinstance(error, RecursionError):
        return "nested too deep"
    if isinstance(error, msgspec.ValidationError):
        return "not a JSON object"
    return "not JSON"


def first_records(path: Path, limit: int = 1 << 20) -> list[dict[str, Any]]:
    """The JSON objects in the first `limit` bytes of a file; [] if it cannot be read.

    A line longer than that gives none, so a caller that finds nothing may ask for more.
    """
    records: list[dict[str, Any]] = []
    try:
        with path.open("rb") as file:
            for line in file.read(limit).split(b"\n"):
                value = decoded(line.strip(_PADDING))
                if value is not None:
                    records.append(value)
    except OSError:
        return []
    return records


def decoded(line: bytes) -> dict[str, Any] | None:
    """A line as a JSON object, or None where it is none."""
    try:
        value = msgspec.json.decode(line)
    except UNREADABLE:
        return None
    return value if isinstance(value, dict) else None
