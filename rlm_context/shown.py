"""Texts, times and seqs as commands show them. Standard library only, for `fast_search`."""

from datetime import UTC, datetime

_CONTROLS = {*range(0x20), *range(0x7F, 0xA0), *range(0x202A, 0x202F), *range(0x2066, 0x206A)} - {0x09, 0x0A}
"""What steers a terminal or turns the direction of text (Unicode Bidirectional Algorithm, explicit formatting)."""
_HARMLESS = dict.fromkeys(_CONTROLS)


def harmless(text: str) -> str:
    """A text of a transcript for a terminal: without characters that would steer it."""
    return text.translate(_HARMLESS)


def day(milliseconds: int) -> str:
    """Unix milliseconds as a UTC day; "undated" for 0 or one out of range."""
    moment = _utc(milliseconds)
    return moment.date().isoformat() if moment else "undated"


def minute(milliseconds: int) -> str:
    """Unix milliseconds as a UTC day and time; "" for 0 or one out of range."""
    moment = _utc(milliseconds)
    return moment.strftime("%Y-%m-%d %H:%M") if moment else ""


def iso(milliseconds: int | None) -> str | None:
    """Unix milliseconds as JSON shows them: ISO 8601, UTC; None for 0, None or one out of range."""
    moment = _utc(milliseconds or 0)
    return moment.isoformat() if moment else None


def seq_value(ref: str) -> int | str:
    """A seq as JSON shows it: a number in the main file, "agent-id/12" in a subagent's."""
    return int(ref) if ref.isdecimal() else ref


def _utc(milliseconds: int) -> datetime | None:
    try:
        return datetime.fromtimestamp(milliseconds / 1000, UTC) if milliseconds else None
    except (OverflowError, OSError, ValueError):  # a transcript's clock may say anything
        return None
