"""Values of an agent's JSON, and texts counted as the agent counts them. Standard library only."""

import sys

TYPE_CHECKING = False  # typing's own costs an import
if TYPE_CHECKING:
    from typing import Any

_LONGEST_ID = 100


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


def complain(event: str, error: Exception) -> None:
    """Say on stderr, in one line and without content, what kept a hook from doing its work."""
    told = (
        getattr(error, "message", "")
        or f"{type(error).__name__} {getattr(error, 'strerror', '') or ''}".strip()
    )
    print(f"rlm-context: {event}: {told}. Next: rlm-context doctor", file=sys.stderr)


def units(text: str) -> int:
    """Length in UTF-16 code units, which the agent counts."""
    return len(text) if text.isascii() else len(text) + sum(char > "\uffff" for char in text)
