"""Secrets of many lines: PEM private keys and `<private>` blocks."""

import re

from transcripts.redaction.spans import BLOCK, Rule, Span

_HEADER = re.compile(r"[A-Z0-9 ]{0,40}PRIVATE KEY(?: BLOCK)?-----")
_GAP = re.compile(r"""(?:\\{1,4}[nrt]|\\{0,3}["'`]|[\s+>|:,.#*→│-]|[0-9]{1,6}(?=[\t→:|])|\\{1,4}\n)*+""")
_RUN = re.compile(r"[A-Za-z0-9+/=]{1,200}+")
_FIELD = re.compile(
    r"(?:Proc-Type|DEK-Info|Version|Comment|Hash|Charset|X-[A-Za-z-]{1,20})[ :][^\n\\]{1,120}"
)
_END = re.compile(r"-{0,5}END [A-Z0-9 ]{0,40}PRIVATE KEY(?: BLOCK)?-{0,5}")
_BODY_LINE = re.compile(r"[A-Za-z0-9+/=]{40,}+")
_LONGEST_KEY = 16_384
_MIN_RUN = 16
_GAP_LIMIT = 48


def find_key(text: str, start: int, end: int) -> Span | None:
    r"""A PEM (RFC 7468) or PGP private key, from its BEGIN line to its END line or to its last line.

    END may be missing (`head`), and each line may stand behind an indent, `+`, a quote or a line number,
    or be divided by `\n` written out at some escape depth.
    """
    header = _HEADER.match(text, end)
    if header is None:
        return None
    if end_of_key := _end_of_key(text, header.end()):
        return Span(start, end_of_key, "private-key", BLOCK)
    place = last = header.end()
    while True:
        gap = _GAP.match(text, place, place + _GAP_LIMIT)
        place = gap.end() if gap else place
        if field := _FIELD.match(text, place):
            place = field.end()
            continue
        if finish := _END.match(text, max(last, place - 5)):
            return Span(start, finish.end(), "private-key", BLOCK) if last > header.end() else None
        run = _RUN.match(text, place)
        if run is None or not _is_body(text, run.start(), run.end(), last > header.end()):
            break
        place = last = run.end()
    return Span(start, last, "private-key", BLOCK) if last > header.end() else None


def _end_of_key(text: str, first: int) -> int:
    """Where the END line ends that closes a key whose body begins at `first`; 0 if what is between is no body.

    Whatever stands before each line (a log's clock, the file and line of `rg`), most of a body is base64.
    """
    limit = first + _LONGEST_KEY
    mark = text.find("-----END ", first, limit)
    if mark < 0 or text.find("-----BEGIN ", first, mark) >= 0 or (finish := _END.match(text, mark)) is None:
        return 0
    body = sum(map(len, _BODY_LINE.findall(text, first, mark)))
    return finish.end() if body * 3 > mark - first else 0


def _is_body(text: str, start: int, end: int, inside: bool) -> bool:
    """Whether a run of base64 belongs to a key: a whole line, or the short last one before END or a cut."""
    if end - start >= (_MIN_RUN if inside else 20):
        return inside or any(char.isdigit() for char in text[start:end])
    gap = _GAP.match(text, end, end + _GAP_LIMIT)
    after = gap.end() if gap else end
    return inside and (after >= len(text) or _END.match(text, max(end, after - 5)) is not None)


_OPEN = ("<private>", "<PRIVATE>", "<Private>", "\\u003cprivate\\u003e", "&lt;private&gt;")
_TAG = re.compile(r"(?:<|\\u003c|&lt;)(/?)private(?:>|\\u003e|&gt;)", re.IGNORECASE)


def find_private(text: str, start: int, end: int) -> Span | None:
    """What an author put between `<private>` and `</private>`; unclosed, all up to the end of the text.

    A tag alone between quotes is a mention of the tag, and `var<private>` is shader code.
    """
    before = text[max(0, start - 3) : start]
    if before == "var" or (before.endswith(("'", '"', "`")) and text[end : end + 1] == before[-1]):
        return None
    depth = 0
    for tag in _TAG.finditer(text, start):
        depth += -1 if tag[1] else 1
        if depth == 0:
            return Span(start, tag.end(), "private", BLOCK)
    return Span(start, len(text), "private", BLOCK)


RULES = (Rule(("-----BEGIN ", "---- BEGIN "), find_key), Rule(_OPEN, find_private))
