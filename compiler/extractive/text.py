"""From what people and agents write to plain sentences that can stand alone.

Markdown is taken off; code blocks, tables, logs and diffs are left out; each sentence keeps the heading above
it. Everything is linear in the input, and a text is read up to `LONGEST_TEXT` characters: what is longer was
pasted, not said.
"""

import re
from collections.abc import Iterator
from typing import NamedTuple

LONGEST_TEXT = 24_000
LONGEST_SENTENCE = 320
_LONGEST_LEAD = 60

_FENCE = re.compile(r"^\s*(```|~~~)")
_HEADING = re.compile(r"^\s{0,3}#{1,6}\s+(.*?)#*\s*$")
_BOLD_LINE = re.compile(r"^\s*\*\*([^*]{2,80}?)[:：]?\*\*[:：]?\s*$")
_BULLET = re.compile(r"^\s*(?:[-*+•]|\(?\d{1,2}[.)])\s+(?=\S)")
_CHECKBOX = re.compile(r"^\[[ xX]\]\s+")
_TABLE = re.compile(r"^\s*\||\s\|\s.*\s\|\s|^\s*[-+|:=]{4,}\s*$")
_QUOTE = re.compile(r"^\s*>\s?")
_BOX = re.compile(r"[\u2500-\u259f\u23bf\u276f\u25cf\u23fa\u2713\u2717\u2714\u2718]")
_TAG = re.compile(r"</?[A-Za-z][\w-]{0,40}(?:\s[^<>]{0,200})?/?>")
_IMAGE = re.compile(r"!\[[^\]]{0,200}\]\([^)\s]{0,400}\)|\[Image[^\]]{0,80}\]")
_LINK = re.compile(r"\[([^\]\[]{1,200})\]\((?:https?://|/|#|\.)[^)\s]{0,400}\)")
_STRONG = re.compile(r"(\*\*|__)(?=\S)([^*\n]{1,200}?)(?<=\S)\1")
_EMPHASIS = re.compile(r"(?<![\w*/])\*(?=[^\s*])([^*\n]{1,120}?)(?<=[^\s*])\*(?![\w*/])")
_EMOJI = re.compile(r"[\U0001f000-\U0001faff\u2600-\u27bf\ufe0f\u2b50\u2b55]+\s*")
_SPACES = re.compile(r"\s+")
_LOG = re.compile(
    r"^\s*(?:\d{4}-\d\d-\d\d[T ]\d\d:\d\d|\[?\d\d:\d\d:\d\d|(?:INFO|WARN|ERROR|DEBUG|FATAL|TRACE)\b[ :\[]"
    r"|---? (?:FAIL|PASS|SKIP)|=== ?(?:RUN|PAUSE|CONT|Step)\b|at \S+\(|File \".*\", line \d"
    r"|goroutine \d|\$ |❯ |➜ "
    r"|(?:go|git|npm|bash|zsh|sh|make|error|fatal|warning|panic): |diff --git|index [0-9a-f]{6,}"
    r"|@@ |\+\+\+ |--- |[+-]\s{2,}\S|create mode"
    r"|\S+\.\w{1,4}:\d+(?::\d+)?:?\s)"
)
_CODE = re.compile(
    r"[{};]\s*$|^\s*(?:[}\])]|//|/\*|func |def |class |import |package |return |const |var "
    r"|let \w+ =|if \(|else\b"
    r"|for \(|while \(|export |SELECT |INSERT )|:=|=>\s*[{(]|^\s*\w+\([^)]*\)\s*$|^\s*\"[\w-]+\":\s"
)
_END = re.compile(r"(?<=[.!?])[\"')\]]?\s+(?=[\"'(\[`*]?[^\W_a-z])|(?<=[。！？])")
_ABBREVIATION = re.compile(r"(?:\b(?:e\.g|i\.e|vs|etc|cf|Dr|Mr|Mrs|No|approx)\.|\b[A-Z]\.)$")


class Sentence(NamedTuple):
    """A sentence in plain text, the heading it stands under ("" if none), and whether it was a list item."""

    text: str
    heading: str
    listed: bool


def strip_markup(text: str) -> str:
    """One line without Markdown, HTML tags and emoji; code spans keep their backticks."""
    text = _IMAGE.sub("", text)
    text = _LINK.sub(r"\1", text)
    if "<" in text:
        text = _outside_code(text)
    text = _STRONG.sub(r"\2", text)
    text = _EMPHASIS.sub(r"\1", text)
    text = _EMOJI.sub("", text)
    return _SPACES.sub(" ", text).strip()


def _outside_code(text: str) -> str:
    # A tag inside a code span is what the sentence talks about.
    return "".join(part if index % 2 else _TAG.sub("", part) for index, part in _spans(text))


def _spans(text: str) -> Iterator[tuple[int, str]]:
    for index, part in enumerate(text.split("`")):
        yield index, f"`{part}`" if index % 2 else part


def looks_pasted(line: str) -> bool:
    """Whether a line is a log line, code, a diff, or terminal drawing rather than something said."""
    if len(line) > 1_500 or _LOG.match(line) or _CODE.search(line):
        return True
    if _BOX.search(line) or "\x1b" in line:
        return True
    letters = sum(character.isalpha() or character.isspace() for character in line)
    return letters < 0.7 * len(line)


def sentences(text: str) -> list[Sentence]:
    """The sentences of a text, in order, without code, tables, logs and quotes of terminals.

    Args:
        text: Markdown or plain text of any length.
    """
    found: list[Sentence] = []
    for paragraph, heading, listed in _paragraphs(text[:LONGEST_TEXT]):
        found += [
            Sentence(sentence, heading, listed) for sentence in split(strip_markup(paragraph)) if sentence
        ]
    return found


def split(paragraph: str) -> list[str]:
    """A paragraph cut at sentence ends, abbreviations respected."""
    pieces: list[str] = []
    for piece in _END.split(paragraph):
        if pieces and _ABBREVIATION.search(pieces[-1]):
            pieces[-1] += " " + piece
        elif piece:
            pieces.append(piece)
    return [piece.strip() for piece in pieces]


def _paragraphs(text: str) -> Iterator[tuple[str, str, bool]]:
    """(paragraph, heading, is a list item); lines wrapped by hand are joined again."""
    heading, lead, current, listed, fenced = "", "", "", False, False
    for raw in text.split("\n"):
        fence = bool(_FENCE.match(raw))
        fenced ^= fence
        if fenced and not fence:
            continue
        line = "" if fence else _QUOTE.sub("", raw)
        title = _HEADING.match(line) or _BOLD_LINE.match(line)
        bullet = _BULLET.match(line)
        if title or bullet or not line.strip() or _TABLE.search(line) or looks_pasted(line):
            if current:
                yield current, (lead if listed and lead else heading), listed
            if not listed and (current or title):
                # "Left open:" right above a list is the list's heading.
                lead = current[:-1] if len(current) <= _LONGEST_LEAD and current[-1:] in (":", "：") else ""
            current, listed = "", False
            if title:
                heading = strip_markup(title[1])
            elif bullet:
                rest = _CHECKBOX.sub("", line[bullet.end() :])
                if not looks_pasted(rest):
                    current, listed = rest.strip(), True
        else:
            current = f"{current} {line.strip()}" if current else line.strip()
    if current:
        yield current, (lead if listed and lead else heading), listed


def shorten(text: str, limit: int = LONGEST_SENTENCE) -> str:
    """The text cut at the last clause or word that fits `limit` characters, with "…" where it was cut."""
    if len(text) <= limit:
        return text
    cut = text[: limit - 1]
    for mark in (". ", "; ", ", ", " - ", " "):
        position = cut.rfind(mark)
        if position > limit * (0.6 if mark != " " else 0.3):
            cut = cut[:position]
            break
    cut = cut.rstrip(" ,;:-.(")
    if cut.count("`") % 2:
        cut = cut[: cut.rfind("`")].rstrip(" ,;:-.(")
    return cut + "…"
