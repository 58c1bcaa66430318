"""Which records of a session are meant: 12 in the main file, agent-id/12 in a subagent's, or those of a citation."""

import re
from collections.abc import Iterable

from data_models.events import Event

_REF = re.compile(r"(?:[^#]*#)?(?:(?P<agent>.+)/)?(?P<seq>[0-9]{1,18})")


def cited(text: str) -> tuple[str | None, str | None]:
    """The records that a citation names: "#12" one, "#12-15" or "#a1/12-a1/15" (as `search` prints) several."""
    _, _, ref = text.strip().rstrip("]").partition("#")
    agent, slash, _ = ref.partition("/")
    prefix = f"{agent}/" if slash else ""
    first, _, last = ref.partition(f"-{prefix}")
    return (first, prefix + last if last else first) if ref else (None, None)


def between(events: Iterable[Event], first: str | None, last: str | None) -> list[Event]:
    """The events from one record to another, both in the main file or both in one subagent's.

    Args:
        events: all of a session.
        first: the first record; None for the first there is.
        last: the last record; None for the last there is. With neither, all events are meant.

    Raises:
        ValueError: what was given is no record.
    """
    if first is None and last is None:
        return list(events)
    agent, low = place_of(first) if first is not None else (place_of(last or "")[0], 0)
    _, high = place_of(last) if last is not None else (agent, None)
    return [
        event
        for event in events
        if event.subagent == agent and event.seq >= low and (high is None or event.seq <= high)
    ]


def place_of(ref: str) -> tuple[str, int]:
    """The subagent ("" for the main file) and the seq that a reference names, or what a citation holds behind its #.

    Raises:
        ValueError: it is no reference.
    """
    match = _REF.fullmatch(ref.strip())
    if match is None:
        raise ValueError(f"{ref[:40]} is no record: 12, or agent-id/12")
    return match["agent"] or "", int(match["seq"])
