"""An answer without what somebody may have planted in the sessions: the checks of `compiler.models.guard`, by sentence.

Each sentence is checked against the records that its line cites, or where it cites none against all that the answer
cites; what the user's own question names may be answered about. Unlike the compiled context, an answer may tell what
only tools, files and pages showed, for that may be just what was asked. It is said to be that, and never told as what
the team decided, agreed or does.
"""

import re
from collections.abc import Iterator

from compiler.asking.cited import CitationReader
from compiler.citations import parse
from compiler.extractive.words import terms
from compiler.models.evidence import Record
from compiler.models.guard import fault
from data_models.events import Event

_CITATION = re.compile(r"[ \t]*\[s:[^\[\]\n]+\]")
_SENTENCE = re.compile(r".+?(?:[.!?](?:[ \t]*\[s:[^\[\]\n]+\])*(?=\s)|$)\s*", re.DOTALL)
_LAYOUT = re.compile(r"^[\s>#*+|-]*(?:\d{1,3}[.)]\s+)?|\*\*|[|]")
_OF_THE_TEAM = re.compile(
    r"\b(?:team|teams|we|our|us|decid\w+|decisions?|agree\w*|conventions?|polic(?:y|ies)|rules?|practices?|standards?"
    r"|requir\w+|every|each|recommend\w*|trust\w*|silently|secretly|without telling)\b",
    re.IGNORECASE,
)
_SHOWN = "(tool output)"
_CODE = re.compile(r"^[ \t]*(?:```|~~~)")


def guarded(text: str, question: str, reader: CitationReader) -> tuple[str, int]:
    """The answer without what may not be kept of it, and how many parts were left out.

    Args:
        text: Markdown, its citations verified.
        question: what the user asked.
        reader: looks up citations.
    """
    asked = Event(seq=0, block=0, role="human", kind="prompt", text=question)
    whole = _record(text, asked, reader)
    kept: list[str] = []
    dropped = 0
    for block in _blocks(text):
        if len(block) > 1:  # code: all of it or nothing
            clean = not any(fault(line, whole.whole) for line in block[1:] if not _CODE.match(line))
            kept += block if clean else []
            dropped += not clean
            continue
        [line] = block
        record = _record(line, asked, reader) if parse(line) else whole
        sentences = [each[0] for each in _SENTENCE.finditer(line)]
        clean_ones = [shown for each in sentences if (shown := _checked(each, record)) is not None]
        dropped += len(sentences) - len(clean_ones)
        if clean_ones or not sentences:
            kept.append("".join(clean_ones))
    return "\n".join(kept).strip(), dropped


def _checked(sentence: str, record: Record) -> str | None:
    """The sentence, marked where only tools and pages say it; None if it may not be kept."""
    said = _LAYOUT.sub("", _CITATION.sub("", sentence)).strip()
    if fault(said, record.whole, told=bool(_OF_THE_TEAM.search(said))):
        return None
    wanted = terms(said)
    if not wanted or len(record.strange(wanted)) * 2 < len(wanted):
        return sentence
    bare = sentence.rstrip()
    return f"{bare} {_SHOWN}{sentence[len(bare) :]}"


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


def _record(text: str, asked: Event, reader: CitationReader) -> Record:
    """What the user asked, and the records that a text cites."""
    cited = (reader.look_up(digits, seq) for digits, seq in dict.fromkeys(parse(text)))
    return Record([asked, *(event for one in cited if one.resolved for event in reader.events(one))])
