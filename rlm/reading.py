"""Which code a model wants to be run.

Code stands in Markdown fences marked `repl` or `python` (CommonMark 0.31, section 4.5: a closing fence has at least
as many of the same character and nothing behind it). Models also nest fences inside strings, forget to close the last
one, or close it on the line where the code ends; all of that is read as what was meant.
"""

import re
from dataclasses import dataclass

_LANGUAGES = frozenset({"repl", "python", "py", "python3"})
_OPEN = re.compile(r"^[ ]{0,3}(?P<fence>`{3,}|~{3,})[ \t]*(?P<info>[^\n]*)$")
_TRIPLE = re.compile(r"\"\"\"|'''")


@dataclass(frozen=True, slots=True)
class Reading:
    """What was found in a reply.

    Attributes:
        blocks: code to run, in order.
        problem: why there is none, in words for the model; empty if there is some.
    """

    blocks: tuple[str, ...]
    problem: str = ""


@dataclass(slots=True)
class _Block:
    """A block as it is read; `doubted` is the line of the first fence that was taken for a string's text."""

    fence: str
    language: str
    lines: list[str]
    doubted: int | None = None


def read_code(reply: str, *, whole: bool = True) -> Reading:
    """Find the code blocks of a reply.

    Args:
        reply: what the model wrote.
        whole: whether it said all that it meant to. If it was cut off at its token limit, an open block is not run.
    """
    blocks, rest = _split(reply)
    if rest is not None and whole:
        blocks.append(rest)
    code = tuple(text for block in blocks if block.language in _LANGUAGES if (text := _text(block)))
    if not whole and (rest is not None or not code):
        return Reading(code, "Your reply was cut off at its token limit: write less in one reply.")
    return Reading(code, "" if code else _problem(reply, blocks))


def _split(reply: str) -> tuple[list[_Block], _Block | None]:
    """The closed blocks, and the one that was never closed."""
    blocks: list[_Block] = []
    open_block: _Block | None = None
    for line in reply.replace("\r\n", "\n").split("\n"):
        if open_block is None:
            if one_line := _one_line_block(line):
                blocks.append(one_line)
            elif match := _OPEN.match(line):
                info = match["info"].split()
                open_block = _Block(match["fence"], info[0].lower() if info else "", [])
        elif _closes(open_block, line):
            blocks.append(open_block)
            open_block = None
        else:
            open_block.lines.append(line)
    if open_block is not None and open_block.doubted is not None and _in_string(open_block.lines):
        del open_block.lines[open_block.doubted :]
    return blocks, open_block


def _one_line_block(line: str) -> _Block | None:
    match = re.match(r"^\s*(`{3,})[ \t]*(repl|python)[ \t]+(.+?)[ \t]*\1[ \t]*$", line)
    return _Block(match[1], match[2], [match[3]]) if match else None


def _closes(block: _Block, line: str) -> bool:
    """Whether `line` ends the block; fences within a triple-quoted string are text."""
    bare = line.strip()
    mark = block.fence[0]
    if not bare or set(bare) != {mark} or len(bare) < len(block.fence):
        return _closes_behind_code(block, line)
    if _in_string(block.lines):
        block.doubted = len(block.lines) if block.doubted is None else block.doubted
        return False
    return True


def _closes_behind_code(block: _Block, line: str) -> bool:
    """`print(x)```` on one line: the code goes in, the fence closes."""
    head = line.rstrip().removesuffix(block.fence)
    if (
        head == line.rstrip()
        or not head.strip()
        or block.fence[0] in head
        or _in_string([*block.lines, head])
    ):
        return False
    block.lines.append(head)
    return True


def _in_string(lines: list[str]) -> bool:
    """Whether a triple-quoted string is open at the end of `lines`."""
    quote = ""
    for match in _TRIPLE.finditer("\n".join(lines)):
        if not quote:
            quote = match[0]
        elif quote == match[0]:
            quote = ""
    return bool(quote)


def _text(block: _Block) -> str:
    return "\n".join(block.lines).strip("\n").rstrip()


def _problem(reply: str, blocks: list[_Block]) -> str:
    if not reply.strip():
        return "Your reply was empty."
    if not blocks:
        return "Your reply held no code block, so nothing was run."
    languages = sorted({block.language or "no language" for block in blocks})
    if _LANGUAGES.intersection(languages):
        return "Your code block was empty, so nothing was run."
    return f"Your code blocks are marked {', '.join(languages)}, so none was run."
