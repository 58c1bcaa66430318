"""Making a statement that rests on events."""

from data_models.events import Event
from data_models.knowledge import Citation, Statement, StatementKind


def make(kind: StatementKind, text: str, event: Event, weight: float, *also: Event) -> Statement:
    """A statement by the event's speaker that rests on it, and on the events in `also`."""
    return Statement(
        kind=kind,
        text=text,
        citations=tuple(dict.fromkeys(Citation("", one.ref) for one in (event, *also))),
        time=max(one.time or 0 for one in (event, *also)),
        weight=round(weight, 3),
        by="human" if event.role == "human" else "assistant",
    )
