"""What the model that answers a question can call besides the engine's own functions. Docstrings go into its prompt.

Arguments come from model-written code: their kinds and sizes are checked here.
"""

from collections.abc import Callable, Mapping
from typing import Any

from compiler.asking.corpus import shown
from compiler.asking.library import Library
from compiler.citations import digits_of
from compiler.record_range import between
from data_models.errors import NotFoundError, StoreError
from data_models.events import Event
from search.render import day_of

_MOST_HITS = 100
_MOST_EVENTS = 200
_EVENT_CHARS = 4_000
_QUERY_CHARS = 1_000


def ask_tools(library: Library) -> Mapping[str, Callable[..., Any]]:
    """The tools over a library, by name."""
    tools = LibraryTools(library)
    return {"search": tools.search, "events": tools.events, "sessions": tools.sessions}


class LibraryTools:
    """Search, reading, and a list of sessions.

    Args:
        library: the sessions.
    """

    def __init__(self, library: Library) -> None:
        self._library = library

    def search(self, query: str, limit: int = 20) -> list[dict[str, Any]]:
        """The passages that answer a query best, best first, from all sessions: [{s, to, author, date, role, text}, ...].
        Any words will do, a question too; at most 100. `s` is what to cite, `to` the last record of the passage."""  # noqa: E501  (as a model reads it)
        text, most = _text(query)[:_QUERY_CHARS], _number(limit)
        return [
            {
                "s": self._citation(hit.session_id, hit.from_seq),
                "to": hit.to_seq,
                **self._project(hit.session_id),
                "author": hit.author,
                "date": day_of(hit.time),
                "role": hit.voice,
                "text": shown(hit.snippet, _EVENT_CHARS),
            }
            for hit in self._library.search(text, max(0, min(most, _MOST_HITS)))
            if hit.session_id in self._library.by_id
        ]

    def events(
        self, session: str, first: int | str = 1, last: int | str | None = None
    ) -> list[dict[str, Any]]:
        """What was said and done in one session, from record `first` to `last` (numbers behind the # of `s`; in a
        subagent "agent-id/12"): [{s, date, role, kind, tool, file, error, text}, ...]. At most 200 at once; texts are
        cut to 4,000 characters."""
        try:
            entry = self._library.find(digits_of(_text(session)))
            events = self._library.events(entry.session_id)
        except (NotFoundError, StoreError) as error:
            raise LookupError(error.message) from None
        chosen = between(events, str(first), None if last is None else str(last))
        return [self._row(entry.session_id, event) for event in chosen[:_MOST_EVENTS]]

    def sessions(self) -> list[dict[str, Any]]:
        """All sessions, newest first: [{s, title, author, date, prompts, events}, ...]. `s` is what `events` takes."""
        return [
            {
                "s": self._library.short[entry.session_id],
                **self._project(entry.session_id),
                "title": shown(entry.title, 200),
                "author": entry.author,
                "date": day_of(entry.started),
                "prompts": entry.prompts,
                "events": entry.events,
            }
            for entry in reversed(self._library.in_time)
        ]

    def _row(self, session_id: str, event: Event) -> dict[str, Any]:
        row: dict[str, Any] = {
            "s": self._citation(session_id, event.ref),
            "date": day_of(event.time or 0),
            "role": event.role,
            "kind": event.kind,
            "tool": event.tool,
            "file": event.file_path,
            "error": event.is_error or None,
            "text": shown(event.text, _EVENT_CHARS),
        }
        return {name: value for name, value in row.items() if value is not None}

    def _citation(self, session_id: str, seq: str) -> str:
        return f"{self._library.short[session_id]}#{seq}"

    def _project(self, session_id: str) -> dict[str, str]:
        return {"project": self._library.projects[session_id]} if self._library.several else {}


def _text(value: Any) -> str:
    if not isinstance(value, str):
        raise TypeError("a text is needed")
    return value


def _number(value: Any) -> int:
    if isinstance(value, bool) or not isinstance(value, int):
        raise TypeError("a whole number is needed")
    return value
