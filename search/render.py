"""Hits as a person or an agent reads them in a terminal."""

from collections.abc import Sequence
from datetime import UTC, datetime

from search.query import Hit


def render(hits: Sequence[Hit]) -> str:
    """One block per session, in the order of its best hit: author, date, then its cited passages in seq order."""
    sessions: dict[tuple[str, str], list[Hit]] = {}
    for hit in hits:
        sessions.setdefault((hit.author, hit.session_id), []).append(hit)
    return "\n\n".join(_block(found) for found in sessions.values())


def _block(hits: Sequence[Hit]) -> str:
    first = hits[0]
    day = datetime.fromtimestamp(first.time / 1000, UTC).date().isoformat() if first.time else "undated"
    lines = [f"{first.author} · {day}"]
    lines += [f"[s:{digits(hit.session_id)}#{_range(hit)}] {hit.voice}: {hit.snippet}" for hit in hits]
    return "\n".join(lines)


def digits(session_id: str) -> str:
    """What a citation shows of a session id: its last 8 hex digits, else its last 8 characters."""
    plain = session_id.replace("-", "")
    return plain[-8:]


def _range(hit: Hit) -> str:
    return hit.from_seq if hit.from_seq == hit.to_seq else f"{hit.from_seq}-{hit.to_seq}"
