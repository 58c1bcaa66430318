"""Which sessions worked on a file."""

from collections.abc import Iterable
from pathlib import Path

import tantivy

from data_models.errors import DamagedError
from search.filters import Filters, restrictions
from search.reader import Reader, open_folder
from search.schema import KINDS, stored_text

_MOST = 100_000
"""Messages looked at; a file that more of them are about has its newest sessions among those."""


def sessions_on(folders: Iterable[Path], filters: Filters) -> dict[str, int]:
    """The sessions with a message that passes `filters`.

    Args:
        folders: assembled indexes, one a project; one that is missing holds nothing.
        filters: what the message must be.

    Returns:
        Session id to the time of the newest such message (Unix milliseconds, 0: unknown).

    Raises:
        DamagedError: an index cannot be read.
    """
    found: dict[str, int] = {}
    for folder in folders:
        try:
            index = open_folder(folder)
            found.update(_sessions(index, filters) if index else {})
        except ValueError as error:
            raise DamagedError(f"search index {folder}", "it cannot be read; compile anew") from error
    return found


def _sessions(index: tantivy.Index, filters: Filters) -> dict[str, int]:
    reader = Reader(index, restrictions(index.schema, filters))
    messages = tantivy.Query.term_query(index.schema, "kind", KINDS.index("message"))
    found = reader.best(messages, _MOST)
    newest: dict[int, tuple[int, tantivy.DocAddress]] = {}
    for (_, address), (session, time) in zip(found, reader.columns(found, ("session", "time")), strict=True):
        if session not in newest or newest[session][0] < time:
            newest[session] = (time, address)
    return {
        stored_text(reader.document(address), "session_id"): time or 0 for time, address in newest.values()
    }
