"""Values of an agent's JSON, and texts counted as the agent counts them. Standard library only."""

import sys
import time

TYPE_CHECKING = False  # typing's own costs an import
if TYPE_CHECKING:
    from typing import Any

_LONGEST_ID = 100
_UNITS = (("day", 86_400), ("hour", 3_600), ("minute", 60))


def text_of(event: "dict[str, Any]", name: str) -> str:
    """A text of the agent's JSON; "" where it is none."""
    value = event.get(name)
    return value if isinstance(value, str) else ""


def session_of(event: "dict[str, Any]") -> str:
    """The session's id if it can be part of a file's name; else ""."""
    found = text_of(event, "session_id")
    usable = (
        found.isascii() and found.replace("-", "").replace("_", "").isalnum() and len(found) <= _LONGEST_ID
    )
    return found if usable else ""


def described(error: Exception) -> str:
    """An error in a few words, without content."""
    told: str = getattr(error, "message", "")
    return told or f"{type(error).__name__} {getattr(error, 'strerror', '') or ''}".strip()


def complain(event: str, error: Exception) -> None:
    """Say on stderr, in one line and without content, what kept a hook from doing its work."""
    print(f"rlm-context: {event}: {described(error)}. Next: rlm-context doctor", file=sys.stderr)


def units(text: str) -> int:
    """Length in UTF-16 code units, which the agent counts."""
    return len(text) if text.isascii() else len(text) + sum(char > "\uffff" for char in text)


def single_line(text: str, most: int) -> str:
    """A text as one line of at most so many characters, without those that nobody sees."""
    seen = "".join(char if char.isprintable() else " " if char.isspace() else "" for char in text[: 4 * most])
    line = " ".join(seen.split())
    return line if len(line) <= most else f"{line[: most - 1]}…"


def ago(milliseconds: int) -> str:
    """How long ago that Unix time is, in words; a time that is yet to come is just now."""
    seconds = time.time() - milliseconds / 1000
    return f"{span(seconds)} ago" if seconds >= 60 else "just now"


def span(seconds: float) -> str:
    """A time of at least a minute in words, to its largest unit."""
    unit, size = next((one for one in _UNITS if seconds >= one[1]), _UNITS[-1])
    count = max(1, int(seconds // size))
    return f"{count} {unit}{'' if count == 1 else 's'}"
