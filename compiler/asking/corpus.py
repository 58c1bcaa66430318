"""Everything that was said in some sessions as rows, one a message, read from Parquet when they are looked at.

A corpus may be far larger than memory: it knows how many messages each session has, and keeps those of the sessions
looked at last. Whoever goes through all rows in order reads each session once.
"""

from bisect import bisect_right
from collections.abc import Iterator, Mapping, Sequence
from itertools import accumulate, groupby
from typing import Any, overload

from compiler.asking.library import Library
from compiler.models.fence import plain
from compiler.recent import Recent
from data_models.errors import DamagedError, KeyMissingError
from data_models.records import CatalogEntry
from search.documents import SILENT
from search.render import day_of

Row = Mapping[str, str]

_SHAPE = ("seq", "role", "kind", "subagent", "message_id")
_COLUMNS = (*_SHAPE, "text", "tool", "time")

_LONGEST = 100_000
"""Characters of one row: a message that is longer is shown by its ends."""

_KEPT_CHARS = 16_000_000
_ROW_CHARS = 500


class Corpus(Sequence[Row]):
    """The messages of a library, oldest session first, each {s, author, date, role, text}.

    `s` is what a citation of it holds ("1a2b3c4d#12"), `date` its UTC day, `role` human, assistant, tool (what it was
    given and what it gave back) or harness. With several projects a row has its `project` too.

    Args:
        library: the sessions. One whose file is damaged or missing has no rows; the library notes it.

    Raises:
        StoreError: the store cannot be read.
    """

    def __init__(self, library: Library) -> None:
        self._library = library
        self._entries = library.in_time
        # Where each session's rows end. Counting reads every file once, but no text.
        self._ends = list(accumulate(self._count(entry) for entry in self._entries))
        self._rows = Recent(self._load, _weight, _KEPT_CHARS)

    def __len__(self) -> int:
        return self._ends[-1] if self._ends else 0

    @overload
    def __getitem__(self, index: int) -> Row: ...
    @overload
    def __getitem__(self, index: slice) -> list[Row]: ...

    def __getitem__(self, index: int | slice) -> Row | list[Row]:
        """One row, or a list of those in a slice."""
        if isinstance(index, slice):
            return [self[position] for position in range(len(self))[index]]
        position = range(len(self))[index]
        number = bisect_right(self._ends, position)
        return self._rows(number)[position - self._ends[number]]  # from the end, as negative indexes count

    def __iter__(self) -> Iterator[Row]:
        return (self[position] for position in range(len(self)))

    def _count(self, entry: CatalogEntry) -> int:
        try:
            return len(_messages(self._library.columns(entry, _SHAPE)))
        except (DamagedError, KeyMissingError):
            return 0

    def _load(self, number: int) -> list[Row]:
        entry = self._entries[number]
        columns = self._library.columns(entry, _COLUMNS)
        digits = self._library.short[entry.session_id]
        project = {"project": self._library.projects[entry.session_id]} if self._library.several else {}
        return [
            {
                "s": f"{digits}#{_ref(columns, blocks[0])}",
                **project,
                "author": entry.author,
                "date": day_of(columns["time"][blocks[0]] or entry.started),
                "role": "tool" if columns["kind"][blocks[0]] == "tool_use" else columns["role"][blocks[0]],
                "text": shown("\n".join(_said(columns, block) for block in blocks), _LONGEST),
            }
            for blocks in _messages(columns)
        ]


def shown(text: str, limit: int) -> str:
    """A text of a transcript as models get it: clipped, and without characters that people do not see."""
    text = clipped(text, limit)
    return text if text.isascii() else plain(text)


def clipped(text: str, limit: int) -> str:
    """The text; the middle of one longer than `limit` characters is left out, and said to be."""
    if len(text) <= limit:
        return text
    half = limit // 2
    return f"{text[:half]} [… {len(text) - 2 * half:,} characters left out …] {text[-half:]}"


def _messages(columns: Mapping[str, list[Any]]) -> list[list[int]]:
    """The events of each message, by their position: the blocks of one voice; a tool call stands apart."""
    kinds = columns["kind"]
    spoken = [position for position, kind in enumerate(kinds) if kind not in SILENT]

    def key(position: int) -> tuple[str, bool, str, str | int]:
        message = columns["message_id"][position] or columns["seq"][position]
        return (
            columns["subagent"][position],
            kinds[position] == "tool_use",
            columns["role"][position],
            message,
        )

    return [list(blocks) for _, blocks in groupby(spoken, key)]


def _ref(columns: Mapping[str, list[Any]], position: int) -> str:
    """As `Event.ref`."""
    agent, seq = columns["subagent"][position], columns["seq"][position]
    return f"{agent}/{seq}" if agent else str(seq)


def _said(columns: Mapping[str, list[Any]], position: int) -> str:
    text: str = columns["text"][position]
    return (
        f"{columns['tool'][position] or 'tool'}: {text}" if columns["kind"][position] == "tool_use" else text
    )


def _weight(rows: Sequence[Row]) -> int:
    return sum(len(row["text"]) + _ROW_CHARS for row in rows)
