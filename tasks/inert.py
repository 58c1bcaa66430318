"""Texts of transcripts and models in artifacts: a browser that shows them fetches nothing and runs nothing."""

import re

_LINK = re.compile(r"\](?=[(:\[])")


def inert(markdown: str) -> str:
    """The text without images, links and HTML: it quotes transcripts, and who wrote those chose where links go."""
    return _LINK.sub(r"]\\", markdown).replace("![", "!\\[").replace("<", "&lt;")


def one_line(text: str, limit: int) -> str:
    """The beginning of a text as plain words of one line."""
    return inert(_cut(text, limit)).replace("|", "\\|").replace("`", "'")


def cell(text: str, limit: int) -> str:
    """The beginning of a text for a cell of a table artifact, which some pages show as it is and others as Markdown."""
    return _LINK.sub("] ", _cut(text, limit)).replace("<", "\N{SINGLE LEFT-POINTING ANGLE QUOTATION MARK}")


def _cut(text: str, limit: int) -> str:
    words = " ".join(text[: limit * 4].split())
    return f"{words[:limit]}…" if len(words) > limit else words
