"""How commands speak: results on stdout, everything else on stderr (`rlm_context.failures`)."""

import shutil
import sys
from collections.abc import Sequence
from typing import Any
from unicodedata import combining, east_asian_width

import msgspec

from rlm_context.shown import harmless

_LEAST_LAST = 12
"""Cells that a table's last column keeps, however narrow the terminal is."""


def print_json(value: Any) -> None:
    """One JSON document on stdout, in UTF-8 whatever the terminal's encoding."""
    sys.stdout.flush()
    sys.stdout.buffer.write(msgspec.json.format(msgspec.json.encode(value), indent=2) + b"\n")
    sys.stdout.buffer.flush()


def table(rows: Sequence[tuple[str, ...]], header: tuple[str, ...]) -> str:
    """Plain columns, as wide as their widest cell; on a terminal the last one is cut to fit a line."""
    rows = [tuple(" ".join(harmless(cell).split()) for cell in row) for row in rows]
    widths = [max(_cells(row[column]) for row in [header, *rows]) for column in range(len(header))]
    room = _room() - sum(widths[:-1]) - 2 * (len(widths) - 1)
    lines = []
    for row in [header, *rows]:
        padded = [cell + " " * (width - _cells(cell)) for cell, width in zip(row, widths, strict=True)]
        lines.append("  ".join([*padded[:-1], _clipped(row[-1], max(room, _LEAST_LAST))]).rstrip())
    return "\n".join(lines)


def plural(count: int, noun: str) -> str:
    """A count with its noun: "1 upload", "2 uploads"."""
    return f"{count:,} {noun}{'' if count == 1 else 's'}"


def _room() -> int:
    """Cells of a line: the terminal's, and where there is none as many as anybody wants."""
    return shutil.get_terminal_size().columns if sys.stdout.isatty() else 1 << 20


def _clipped(text: str, room: int) -> str:
    if _cells(text) <= room:
        return text
    while _cells(text) >= room:
        text = text[:-1]
    return text.rstrip() + "…"


def _cells(text: str) -> int:
    """Columns that a terminal takes for a text (Unicode Standard Annex 11, wide and full-width count twice)."""
    return sum(0 if combining(char) else 2 if east_asian_width(char) in "WF" else 1 for char in text)
