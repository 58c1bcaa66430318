r"""Text without the terminal's control sequences, so that no rule has to know them.

`grep --color` puts them inside a token, `jq -C` between a name and its value. They stand as themselves,
written out (`\u001b[32m`, `\x1b[0m`, `\033[1m`), or with their ESC lost (`[32m`).
"""

import re
from bisect import bisect_right

from transcripts.redaction.spans import Span

_WRITTEN = ("\x1b[", "\\u001b[", "\\u001B[", "\\x1b[", "\\x1B[", "\\033[", "\\e[")
_LOST = ("[m", "[0m", "[1m", "[2m", "[22m", "[39m", "[K", ";1m", *(f"{n}m" for n in range(30, 38)))
LITERALS = (*_WRITTEN, *_LOST)
"""One of these stands in every text that `plain` changes."""

_SEQUENCE = re.compile(
    r"(?:\x1b|\\{1,4}(?:u001[bB]|x1[bB]|033|e))\[[0-9;?]{0,16}[A-Za-z]|\[[0-9;]{0,16}m|\[K(?=[^\w\]])"
)


def plain(text: str) -> tuple[str, list[int], list[int]]:
    """`text` without control sequences, and for each piece kept its place in the result and in `text`."""
    pieces: list[str] = []
    kept: list[int] = []
    origin: list[int] = []
    place = size = 0
    for match in _SEQUENCE.finditer(text):
        if match.start() > place:
            pieces.append(text[place : match.start()])
            kept.append(size)
            origin.append(place)
            size += match.start() - place
        place = match.end()
    if not pieces and not place:
        return text, [0], [0]
    pieces.append(text[place:])
    kept.append(size)
    origin.append(place)
    return "".join(pieces), kept, origin


def restored(span: Span, kept: list[int], origin: list[int]) -> Span:
    """`span` of a plain text where it stands in the text that `plain` was given."""
    first = bisect_right(kept, span.start) - 1
    last = bisect_right(kept, span.end - 1) - 1
    return span._replace(
        start=span.start - kept[first] + origin[first], end=span.end - kept[last] + origin[last]
    )
