"""How commands speak: results on stdout, everything else on stderr."""

import sys
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any

import msgspec

from data_models.errors import RlmContextError


def print_json(value: Any) -> None:
    """One JSON document on stdout."""
    sys.stdout.buffer.write(msgspec.json.format(msgspec.json.encode(value), indent=2) + b"\n")
    sys.stdout.buffer.flush()


def say(text: str) -> None:
    """A line for the person, on stderr."""
    print(text, file=sys.stderr, flush=True)


def explain(error: RlmContextError) -> None:
    """An error as a line that says what happened, whether data is partial, and the command to run next."""
    partial = " What was done so far is kept." if error.partial else ""
    following = f" Next: {error.next_command}" if error.next_command else ""
    say(f"rlm-context: {error.message.rstrip('.')}.{partial}{following}")


def day(milliseconds: int) -> str:
    """Unix milliseconds as a UTC day."""
    return datetime.fromtimestamp(milliseconds / 1000, UTC).date().isoformat() if milliseconds else "undated"


def minute(milliseconds: int) -> str:
    """Unix milliseconds as a UTC day and time."""
    return datetime.fromtimestamp(milliseconds / 1000, UTC).strftime("%Y-%m-%d %H:%M") if milliseconds else ""


def iso(milliseconds: int | None) -> str | None:
    """Unix milliseconds as JSON shows them: ISO 8601, UTC."""
    return datetime.fromtimestamp(milliseconds / 1000, UTC).isoformat() if milliseconds else None


def seq_value(ref: str) -> int | str:
    """A seq as JSON shows it: a number in the main file, "agent-id/12" in a subagent's."""
    return int(ref) if ref.isdigit() else ref


def table(rows: Sequence[tuple[str, ...]], header: tuple[str, ...]) -> str:
    """Plain columns, as wide as their widest cell."""
    widths = [max(len(row[column]) for row in [header, *rows]) for column in range(len(header))]
    lines = [
        "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True))
        for row in [header, *rows]
    ]
    return "\n".join(line.rstrip() for line in lines)
