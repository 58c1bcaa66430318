"""What the root model's code may call: search, events, draft. Its arguments are data of a hostile author."""

from collections.abc import Callable, Mapping
from typing import Any, TypeVar

from compiler.chunk import clip_of
from compiler.citations import digits_of
from compiler.models import fence
from compiler.models.root_pass.citations import Citable
from compiler.models.root_pass.draft import Draft, checked_lines
from compiler.record_range import between, place_of
from compiler.sessions import Sessions
from data_models.events import Event
from search.render import day_of

T = TypeVar("T")

_MOST_HITS = 50
_MOST_EVENTS = 60
_MOST_CHARS = 40_000
"""Characters of the events that one call shows."""


class RootTools:
    """The tools of one root pass, by name in `table`.

    Args:
        sessions: what is searched.
        citable: what is read.
        draft: where lines are kept.

    Attributes:
        failure: what went wrong that the model's code cannot mend and must not hide: the store is out of reach.
    """

    def __init__(self, sessions: Sessions, citable: Citable, draft: Draft) -> None:
        self._sessions = sessions
        self._citable = citable
        self._draft = draft
        self.failure: Exception | None = None

    @property
    def table(self) -> Mapping[str, Callable[..., Any]]:
        """The tools by the names that code calls."""
        return {"search": self.search, "events": self.events, "draft": self.draft}

    def search(self, query: str, limit: int = 12) -> list[dict[str, Any]]:
        """Passages that answer a question or hold its words, best first: [{"cites", "date", "author", "voice",
        "text"}]."""
        text, most = str(query), max(1, min(int(limit), _MOST_HITS))
        hits = self._noted(lambda: self._sessions.search(text, most))
        short = self._sessions.short
        return [
            {
                "cites": f"[s:{short[hit.session_id]}#{hit.from_seq}]",
                "date": day_of(hit.time),
                "author": hit.author,
                "voice": hit.voice,
                "text": fence.line(hit.snippet),
            }
            for hit in hits
            if hit.session_id in short
        ]

    def events(self, session: str, first: int | str = 1, last: int | str | None = None) -> str:
        """Records `first` to `last` of a session, as text: events("1a2b3c4d", 10, 20). A subagent's records go by
        what a citation shows: events("1a2b3c4d", "agent-a3/1", "agent-a3/9")."""
        end = last if last is not None else place_of(str(first))[1] + _MOST_EVENTS
        entry = self._sessions.find(digits_of(str(session)))
        found = self._noted(lambda: self._citable.events(entry.session_id))
        return _shown(between(found, str(first), str(end)))

    def draft(self, lines: list[dict[str, Any]]) -> dict[str, Any]:
        """Keep these lines as the compiled context so far, in place of the draft before. A line is {"section", "text",
        "cites": [citations], "supersedes": [citations of what it replaces, if any]}. Returns {"kept": lines by section,
        "characters", "wrong": [{"line": its index, "why", "kept": whether it stands all the same}]}."""
        asked = checked_lines(lines)
        return self._noted(lambda: self._draft.keep(asked))

    def _noted(self, work: Callable[[], T]) -> T:
        """What `work` gives. The engine tells the model's code of each error; whoever runs it must know too."""
        try:
            return work()
        except Exception as error:
            self.failure = error
            raise


def _shown(events: list[Event]) -> str:
    """The events inside a fence, as many as fit, and how many were left out."""
    fitting: list[Event] = []
    room = _MOST_CHARS
    for event in events[:_MOST_EVENTS]:
        room -= min(len(event.text), clip_of(event))
        if fitting and room < 0:
            break
        fitting.append(event)
    left_out = len(events) - len(fitting)
    more = f"\n{left_out} more; ask from #{events[len(fitting)].ref} on." if left_out else ""
    return (fence.of_events(fitting) or "There are no such records.") + more
