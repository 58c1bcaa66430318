"""Citations in a text that a model wrote: those that resolve are kept, each written in one way; the others are not."""

import re
from collections.abc import Iterator

import msgspec

from compiler.recent import Recent
from compiler.sessions import Sessions
from data_models.errors import DamagedError, KeyMissingError, NotFoundError
from data_models.events import Event

# `[s:1a2b3c4d#12]`, and what models make of it: several in one bracket, ranges, the session named once.
_BRACKET = re.compile(r"[ \t]*\[s:([^\[\]\n]{1,500})\]")
_SEQ = r"(?:[^\s#,;/\]]+/)?\d{1,18}"
_PART = re.compile(rf"(?:s:)?(?:([0-9A-Za-z_-]+)#|#)?({_SEQ})(?:-({_SEQ}))?")
_BETWEEN = re.compile(r"[\s,;]+")

_WORDS = 12
_WORD_CHARS = 30
_INDEXED_EVENTS = 200_000


class Cited(msgspec.Struct, frozen=True, kw_only=True):
    """One citation of a text.

    `session_id` is as the text wrote it where nothing resolves; `shown` is how the text cites it, "" where nothing
    resolves; `time` is Unix milliseconds, 0 where unknown; `words` are the first of what the record says.
    """

    session_id: str
    seq: str
    shown: str = ""
    author: str = ""
    time: int = 0
    words: str = ""

    @property
    def resolved(self) -> bool:
        """Whether there is such a record."""
        return bool(self.shown)


class CitationReader:
    """Looks up the records that citations name.

    Args:
        sessions: whose records can be cited.
    """

    def __init__(self, sessions: Sessions) -> None:
        self._sessions = sessions
        self._records = Recent(self._by_ref, len, _INDEXED_EVENTS)

    def verified(self, text: str) -> tuple[str, list[Cited]]:
        """The text with those citations that resolve, and all of them, each once, in their order."""
        found: dict[tuple[str, str], Cited] = {}

        def kept(match: re.Match[str]) -> str:
            here = list(self._read(match[1]))
            found.update({(cited.session_id, cited.seq): cited for cited in here})
            shown = dict.fromkeys(cited.shown for cited in here if cited.resolved)
            return "".join(f" {citation}" for citation in shown) if match.start() else " ".join(shown)

        return _BRACKET.sub(kept, text), list(found.values())

    def look_up(self, digits: str, seq: str) -> Cited:
        """One citation.

        Raises:
            StoreError: the store cannot be read.
        """
        try:
            entry = self._sessions.find(digits)
            event = self._records(entry.session_id).get(seq)
        except (NotFoundError, DamagedError, KeyMissingError):  # a session that cannot be read backs nothing
            event = None
        if event is None:
            return Cited(session_id=digits, seq=seq)
        return Cited(
            session_id=entry.session_id,
            seq=seq,
            shown=f"[s:{self._sessions.short[entry.session_id]}#{seq}]",
            author=entry.author,
            time=event.time or entry.started,
            words=first_words(event.text),
        )

    def events(self, cited: Cited) -> list[Event]:
        """The events of the record that a resolved citation names, and the tool calls whose results it holds."""
        events = self._sessions.events(cited.session_id)
        here = [event for event in events if event.ref == cited.seq]
        results = {event.tool_use_id for event in here if event.kind == "tool_result"} - {None}
        return [
            e for e in events if e.kind == "tool_use" and e.tool_use_id in results and e not in here
        ] + here

    def _read(self, inside: str) -> Iterator[Cited]:
        """What stands between `[s:` and `]`."""
        digits = ""
        for part in _BETWEEN.split(inside.strip()):
            match = _PART.fullmatch(part)
            digits = (match[1] if match else None) or digits
            if match is None or not digits:
                yield Cited(session_id=part[:80], seq="")
                continue
            for seq in filter(None, (match[2], match[3])):
                yield self.look_up(digits, seq)

    def _by_ref(self, session_id: str) -> dict[str, Event]:
        """The first event of each record that says something, else its first."""
        records: dict[str, Event] = {}
        for event in self._sessions.events(session_id):
            if event.ref not in records or not records[event.ref].text:
                records[event.ref] = event
        return records


def first_words(text: str) -> str:
    """The first dozen words of a text."""
    words = text[:1000].split()
    shown = " ".join(word[:_WORD_CHARS] for word in words[:_WORDS])
    return f"{shown} …" if len(words) > _WORDS else shown
