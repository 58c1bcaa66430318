"""The documents of an assembled index, read back."""

from collections.abc import Iterator
from functools import partial
from itertools import groupby
from pathlib import Path

import tantivy

from search.document import Document
from search.documents import windows_of
from search.schema import KINDS, VOICES, stored_text

_NUMBERS = ("time", "position", "span", "kind", "voice")


def documents_in(folder: Path) -> Iterator[Document]:
    """Every living document of an index, session by session; windows are made anew from their messages."""
    index = tantivy.Index.open(str(folder))
    searcher = index.searcher()
    stored = sorted(_stored(index, searcher), key=lambda d: (d.author, d.session_id, d.kind, d.position))
    for _, session in groupby(stored, key=lambda d: (d.author, d.session_id)):
        documents = list(session)
        yield from documents
        yield from windows_of([document for document in documents if document.kind == "message"])


def _stored(index: tantivy.Index, searcher: tantivy.Searcher) -> Iterator[Document]:
    no_windows = tantivy.Query.boolean_query(
        [
            (tantivy.Occur.Must, tantivy.Query.all_query()),
            (tantivy.Occur.MustNot, tantivy.Query.term_query(index.schema, "kind", KINDS.index("window"))),
        ]
    )
    found = searcher.search(no_windows, max(1, searcher.num_docs), count=False).hits
    addresses = [address for _, address in found]
    columns = [searcher.fast_field_values(name, addresses) for name in _NUMBERS]
    for address, *numbers in zip(addresses, *columns, strict=True):
        yield _document(searcher.doc(address), dict(zip(_NUMBERS, numbers, strict=True)))


def _document(stored: tantivy.Document, numbers: dict[str, int]) -> Document:
    text = partial(stored_text, stored)
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
