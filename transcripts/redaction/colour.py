r"""Text without the terminal's control sequences, so that no rule has to know them.

`grep --color` puts them inside a token, `jq -C` between a name and its value. They stand as themselves,
written out (`\u001b[32m`, `\x1b[0m`, `\033[1m`), or with their ESC lost (`[32m`).
"""

import re
from bisect import bisect_right
from typing import NamedTuple

from transcripts.redaction.spans import Span

_WRITTEN = ("\x1b[", "\\u001b[", "\\u001B[", "\\x1b[", "\\x1B[", "\\033[", "\\e[")
_LOST = ("[m", *(f"{digit}m" for digit in range(10)))
LITERALS = (*_WRITTEN, *_LOST)
"""One of these stands in every sequence: at its start, or at its end if its ESC is lost."""

_REST = re.compile(r"[0-9;?]{0,16}[A-Za-z]")
_BACKSLASHES = re.compile(r"\\{1,8}\Z")
_WITHOUT_ESC = re.compile(r"\[[0-9;]{0,16}m\Z")


class Plain(NamedTuple):
    """A text without control sequences; its piece i stands at `kept[i]`, in the original at `origin[i]`."""

    text: str
    kept: list[int]
    origin: list[int]

    def restored(self, span: Span) -> Span:
        """`span` of the plain text where it stands in the original."""
        first = bisect_right(self.kept, span.start) - 1
        last = bisect_right(self.kept, span.end - 1) - 1
        start = span.start - self.kept[first] + self.origin[first]
        return span._replace(start=start, end=span.end - self.kept[last] + self.origin[last])


def sequence(text: str, literal: int, start: int, end: int) -> tuple[int, int] | None:
    """The control sequence at `LITERALS[literal]`, which stands at `text[start:end]`, if there is one."""
    if literal >= len(_WRITTEN):
        lost = _WITHOUT_ESC.search(text, max(0, end - 18), end)
        return (lost.start(), end) if lost else None
    rest = _REST.match(text, end)
    if rest is None:
        return None
    slashes = _BACKSLASHES.search(text, max(0, start - 8), start)
    return slashes.start() if slashes else start, rest.end()


def plain(text: str, sequences: list[tuple[int, int]]) -> Plain:
    """`text` without `sequences`, which are in the order of their ends and may overlap."""
    pieces: list[str] = []
    kept, origin = [0], [0]
    for start, end in sequences:
        if end <= origin[-1]:
            continue
        piece = text[origin[-1] : max(start, origin[-1])]
        pieces.append(piece)
        kept.append(kept[-1] + len(piece))
        origin.append(end)
    pieces.append(text[origin[-1] :])
    return Plain("".join(pieces), kept, origin)
