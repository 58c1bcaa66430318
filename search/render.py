"""Hits as a person or an agent reads them in a terminal."""

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from types import MappingProxyType

from search.query import Hit


def render(hits: Sequence[Hit], long_digits: Mapping[str, str] = MappingProxyType({})) -> str:
    """The hits as text: one block a session, in the order of its best hit, with who and when, then passages.

    Args:
        hits: what was found, best first.
        long_digits: the digits to cite for sessions whose last eight are not unique in their project.
    """
    sessions: dict[tuple[str, str, str], list[Hit]] = {}
    for hit in hits:
        sessions.setdefault((hit.project, hit.author, hit.session_id), []).append(hit)
    projects = {hit.project for hit in hits}
    return "\n\n".join(_block(found, long_digits, len(projects) > 1) for found in sessions.values())


def digits(session_id: str) -> str:
    """What a citation shows of a session id: its last 8 hex digits."""
    return session_id.replace("-", "")[-8:]


def day_of(time: int) -> str:
    """The UTC day of a time in Unix milliseconds, as "2026-01-05"; "undated" for 0 or one out of range."""
    try:
        return datetime.fromtimestamp(time / 1000, UTC).date().isoformat() if time else "undated"
    except (OverflowError, OSError, ValueError):
        return "undated"


def _block(hits: Sequence[Hit], long_digits: Mapping[str, str], name_project: bool) -> str:
    first = hits[0]
    header = f"{first.author} · {day_of(first.time)}"
    if name_project:
        header += f" · {first.project}"
    cited = long_digits.get(first.session_id) or digits(first.session_id)
    return "\n".join([header, *(f"[s:{cited}#{_range(hit)}] {hit.voice}: {hit.snippet}" for hit in hits)])


def _range(hit: Hit) -> str:
    return hit.from_seq if hit.from_seq == hit.to_seq else f"{hit.from_seq}-{hit.to_seq}"
