"""An answer without what somebody may have planted in the sessions: the checks of `compiler.models.guard`, by sentence.

Each sentence is checked against the records that its line cites, or where it cites none against all that the answer
cites; what the user's own question names may be answered about.
"""

import re
from collections.abc import Iterator

from compiler.citations import parse
from compiler.cited import CitationReader
from compiler.models.evidence import Evidence, Record
from compiler.models.guard import fault
from data_models.events import Event

_CITATION = re.compile(r"[ \t]*\[s:[^\[\]\n]+\]")
_SENTENCE = re.compile(r".+?(?:[.!?:](?:[ \t]*\[s:[^\[\]\n]+\])*(?=\s)|$)\s*", re.DOTALL)
_LAYOUT = re.compile(r"^[\s>#*+|-]*(?:\d{1,3}[.)]\s+)?|\*\*|[|]")
_CODE = re.compile(r"^[ \t]*(?:```|~~~)")


def guarded(text: str, question: str, reader: CitationReader) -> tuple[str, int]:
    """The answer without what may not be kept of it, and how many parts were left out.

    Args:
        text: Markdown, its citations verified.
        question: what the user asked.
        reader: looks up citations.
    """
    asked = Event(seq=0, block=0, role="human", kind="prompt", text=question)
    whole = _evidence(text, asked, reader)
    kept: list[str] = []
    dropped = 0
    for block in _blocks(text):
        if len(block) > 1:  # code: all of it or nothing
            clean = not any(fault(line, whole) for line in block[1:] if not _CODE.match(line))
            kept += block if clean else []
            dropped += not clean
            continue
        [line] = block
        evidence = _evidence(line, asked, reader) if parse(line) else whole
        sentences = [each[0] for each in _SENTENCE.finditer(line)]
        clean_ones = [each for each in sentences if not fault(_said(each), evidence)]
        dropped += len(sentences) - len(clean_ones)
        if clean_ones or not sentences:
            kept.append("".join(clean_ones))
    return "\n".join(kept).strip(), dropped


def _said(sentence: str) -> str:
    """A sentence without citations and marks of layout."""
    return _LAYOUT.sub("", _CITATION.sub("", sentence)).strip()


def _blocks(text: str) -> Iterator[list[str]]:
    """Lines, and code blocks with the lines around them."""
    code: list[str] = []
    for line in text.split("\n"):
        if code:
            code.append(line)
            if _CODE.match(line):
                yield code
                code = []
        elif _CODE.match(line):
            code = [line]
        else:
            yield [line]
    if code:
        yield [*code, "```"]


def _evidence(text: str, asked: Event, reader: CitationReader) -> Evidence:
    """What the records say that a text cites, and the user."""
    cited = (reader.look_up(digits, seq) for digits, seq in dict.fromkeys(parse(text)))
    events = [event for one in cited if one.resolved for event in reader.events(one)]
    return Record([asked, *events]).whole
