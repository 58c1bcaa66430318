"""What model-written code works on: small contexts by value, large ones through functions of the host.

A context is a text or a list of rows. Up to `BY_VALUE` bytes it is a variable of the sandbox. Above, it stays with
the caller (rows may come from any `Sequence`, read on demand), `context` holds a notice, and `context_len`,
`context_slice` and `context_grep` read it.
"""

import json
from collections.abc import Iterator, Mapping, Sequence
from itertools import islice
from typing import Any

import re2

Context = str | Sequence[Mapping[str, Any] | str]

BY_VALUE = 16_000_000
"""UTF-8 bytes up to which a context is copied into the sandbox."""

SLICE = 1_000_000
"""Characters that one `context_slice` may return."""

_BLOCK = 1_000_000
_MATCHES = 1_000


class ContextReader:
    """The host's functions over one context, and what the model is told about it.

    Args:
        context: a text or rows.
    """

    def __init__(self, context: Context) -> None:
        self._context = context
        self.by_value = _fits(context, BY_VALUE)
        self._unit = "characters" if isinstance(context, str) else "items"

    @property
    def value(self) -> Any:
        """What the variable `context` holds."""
        if not self.by_value:
            return self.description
        return self._context if isinstance(self._context, str) else [_plain(row) for row in self._context]

    @property
    def description(self) -> str:
        """Kind and size in a sentence."""
        kind = "a text" if isinstance(self._context, str) else "a list"
        what = f"{kind} of {len(self._context):,} {self._unit}"
        if self.by_value:
            return f"`context` is {what}."
        return (
            f"The context is {what}, too large to be a variable: read it with context_len(), "
            "context_slice(start, end) and context_grep(pattern, limit=100, start=0)."
        )

    def length(self) -> int:
        """Characters of a text, items of a list."""
        return len(self._context)

    def slice(self, start: int = 0, end: int | None = None) -> Any:
        """Characters or items `start` to `end`, at most `SLICE` characters in all.

        Raises:
            ValueError: that is more than may be returned at once.
        """
        stop = len(self._context) if end is None else end
        if isinstance(self._context, str):
            part = range(len(self._context))[start:stop]
            if len(part) > SLICE:
                raise ValueError(f"{len(part):,} characters wanted; at most {SLICE:,} at once")
            return self._context[start:stop]
        rows = []
        room = SLICE
        for index in range(len(self._context))[start:stop]:
            row = _plain(self._context[index])
            room -= len(_line(row))
            if room < 0:
                raise ValueError(f"items {start} to {stop} have more than {SLICE:,} characters; take fewer")
            rows.append(row)
        return rows

    def grep(self, pattern: str, limit: int = 100, start: int = 0) -> list[tuple[int, str]]:
        """Lines or items that match an RE2 pattern, in any case of letters.

        RE2 matches in linear time, so a hostile pattern cannot stop the host.

        Args:
            pattern: RE2 syntax: no back-references, no look-around; ^ and $ are the ends of a line.
            limit: matches to return, at most 1,000.
            start: offset (characters or items) to begin at.

        Returns:
            (offset of the line in characters, or index of the item; up to 500 characters around the match).

        Raises:
            ValueError: not an RE2 pattern.
        """
        options = re2.Options()
        options.case_sensitive = False
        options.log_errors = False
        try:
            compiled = re2.compile(f"(?m:{pattern})", options)
        except re2.error as error:
            raise ValueError("not an RE2 pattern (no look-around, no back-references)") from error
        hits = self._hits(compiled, max(start, 0))
        return list(islice(hits, max(0, min(limit, _MATCHES))))

    def _hits(self, compiled: Any, start: int) -> Iterator[tuple[int, str]]:
        for begin, text in self._blocks(start, compiled):
            offset = begin
            for line in text.split("\n"):
                if found := compiled.search(line):
                    first = max(found.start() - 200, 0)
                    yield offset, line[first : first + 500]
                offset += len(line) + 1

    def _blocks(self, start: int, compiled: Any) -> Iterator[tuple[int, str]]:
        """Whole lines, about a million characters at a time, of which the pattern may match some."""
        if not isinstance(self._context, str):
            for index in range(start, len(self._context)):
                yield index, _line(self._context[index]).replace("\n", " ")
            return
        text = self._context
        while start < len(text):
            # Without the end of a line in sight the block ends anyway, so that memory stays bounded.
            end = min(start + _BLOCK, len(text))
            cut = text.rfind("\n", start, end) if end < len(text) else end
            end = end if cut < start else cut
            block = text[start:end]
            if compiled.search(block):
                yield start, block
            start = end + 1 if text[end : end + 1] == "\n" else end


def _fits(context: Context, limit: int) -> bool:
    if isinstance(context, str):
        return len(context) <= limit and len(context.encode("utf-8", "replace")) <= limit
    if len(context) > limit:
        return False
    size = 0
    for row in context:
        size += len(_line(row).encode("utf-8", "replace")) + 1
        if size > limit:
            return False
    return True


def _plain(row: Any) -> Any:
    return dict(row) if isinstance(row, Mapping) else row


def _line(row: Any) -> str:
    return row if isinstance(row, str) else json.dumps(_plain(row), ensure_ascii=False, default=str)
