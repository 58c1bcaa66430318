"""What a hit must be besides relevant."""

import tantivy

from search.schema import clean

_LONGEST_GLOB = 500
"""Characters; the pattern becomes an automaton whose size grows with it."""


class Filters:
    """What a hit must be. None: anything.

    `since_ms` and `until_ms` are Unix milliseconds, both inclusive. `file_glob` is matched against whole
    paths and against their ends after a "/": `*.go` and `cmd/main.go` both find `/src/cmd/main.go`.
    """

    __slots__ = ("agent", "author", "file_glob", "since_ms", "until_ms")

    def __init__(
        self,
        author: str | None = None,
        agent: str | None = None,
        since_ms: int | None = None,
        until_ms: int | None = None,
        file_glob: str | None = None,
    ) -> None:
        self.author = author
        self.agent = agent
        self.since_ms = since_ms
        self.until_ms = until_ms
        self.file_glob = file_glob


def restrictions(schema: tantivy.Schema, filters: Filters) -> list[tantivy.Query]:
    """The queries that a document must match to pass `filters`."""
    names = (("author", filters.author), ("agent", filters.agent))
    restrict = [
        tantivy.Query.term_query(schema, field, clean(value), "basic")
        for field, value in names
        if value is not None
    ]
    if filters.since_ms is not None or filters.until_ms is not None:
        integer = tantivy.FieldType.Integer
        restrict.append(
            tantivy.Query.range_query(schema, "time", integer, filters.since_ms, filters.until_ms)
        )
    if filters.file_glob is not None:
        restrict.append(tantivy.Query.regex_query(schema, "file", _pattern(filters.file_glob)))
    return restrict


def _pattern(glob: str) -> str:
    """A glob as the regular expression of tantivy's dictionary, which matches whole terms."""
    wild = {"*": ".*", "?": "."}
    return "(.*/)?" + "".join(wild.get(one) or _escaped(one) for one in clean(glob)[:_LONGEST_GLOB])


def _escaped(character: str) -> str:
    return "\\" + character if character in r"\.+|()[]{}^$#&-~" else character
