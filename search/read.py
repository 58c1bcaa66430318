"""The documents of an assembled index, read back."""

from collections.abc import Iterator, Sequence
from functools import partial
from itertools import groupby
from operator import itemgetter
from pathlib import Path
from typing import Any

import tantivy

from search.document import Document
from search.documents import windows_of
from search.schema import KINDS, VOICES, stored_text

_NUMBERS = ("session", "kind", "position", "time", "span", "voice")
"""The numbers of a document, first those that documents are read in the order of."""


def documents_in(folder: Path) -> Iterator[Document]:
    """Every living document of an index, session by session; windows are made anew from their messages.

    One session is in memory at a time, besides some numbers of every document.
    """
    index = tantivy.Index.open(str(folder))
    searcher = index.searcher()
    for _, session in groupby(_places(index, searcher), key=lambda place: place[0]):
        documents = [_document(searcher.doc(address), numbers) for *numbers, address in session]
        yield from documents
        yield from windows_of([document for document in documents if document.kind == "message"])


def _places(index: tantivy.Index, searcher: tantivy.Searcher) -> list[tuple[Any, ...]]:
    """Where each document but the windows stands, after its numbers, in their order."""
    no_windows = tantivy.Query.boolean_query(
        [
            (tantivy.Occur.Must, tantivy.Query.all_query()),
            (tantivy.Occur.MustNot, tantivy.Query.term_query(index.schema, "kind", KINDS.index("window"))),
        ]
    )
    found = searcher.search(no_windows, max(1, searcher.num_docs), count=False).hits
    addresses = [address for _, address in found]
    columns = [searcher.fast_field_values(name, addresses) for name in _NUMBERS]
    return sorted(zip(*columns, addresses, strict=True), key=itemgetter(0, 1, 2))


def _document(stored: tantivy.Document, found: Sequence[int]) -> Document:
    text, numbers = partial(stored_text, stored), dict(zip(_NUMBERS, found, strict=True))
    return Document(
        session_id=text("session_id"),
        author=text("author"),
        project=text("project"),
        agent=text("agent"),
        from_seq=text("from_seq"),
        to_seq=text("to_seq"),
        time=numbers["time"],
        kind=KINDS[numbers["kind"]],
        voice=VOICES[numbers["voice"]],
        position=numbers["position"],
        span=numbers["span"],
        files=tuple(filter(None, text("files").split("\n"))),
        key=text("key"),
        text=text("text"),
    )
