"""What the root model wrote, line by line: checked, and told what is wrong, so that the model can mend it."""

import re
from collections import Counter
from typing import Any, NamedTuple

from compiler.extractive.text import split
from compiler.models.root_pass.citations import Citable
from data_models.knowledge import SECTIONS, Citation, Section

LONGEST = 300
"""Characters of one line."""

WRITTEN: tuple[Section, ...] = tuple(section for section in SECTIONS if section != "Where to look")
"""The sections that a model writes; where to look is known from the files that were worked on."""

_MOST_LINES = 200
_CITED = re.compile(r"\s*\[s:[^\s\]]+\]")
_BY_NAME = {section.lower(): section for section in WRITTEN}
_WHY = "its words are not what people and agents of the team said in what it cites"


class Drafted(NamedTuple):
    """A line that stands: `supersedes` are citations of what it replaces, `superseded_by` of what replaced it."""

    section: Section
    text: str
    citations: tuple[Citation, ...]
    supersedes: tuple[Citation, ...] = ()
    superseded_by: tuple[Citation, ...] = ()


class Draft:
    """The compiled context so far.

    Args:
        citable: resolves citations.

    Attributes:
        lines: the lines of the last draft that had a good one, best first in each section.
        uncited: how many lines of it were dropped because nothing that they cite exists.
        refused: how many because of what they say (`compiler.models.guard`).
    """

    def __init__(self, citable: Citable) -> None:
        self._citable = citable
        self.lines: tuple[Drafted, ...] = ()
        self.uncited = 0
        self.refused = 0

    def keep(self, lines: list[Any]) -> dict[str, Any]:
        """Check lines as a model wrote them; those that stand replace the draft before, if there are any.

        Args:
            lines: dictionaries {section, text, cites, supersedes?}, as JSON values.

        Returns:
            How many lines of each section were kept, their characters, and what is wrong with which line.
        """
        checks = [_check(line, self._citable) for line in lines]
        said: set[str] = set()
        for position, check in enumerate(checks):
            if check.drafted and check.drafted.text.lower() in said:
                checks[position] = _Check(why="another line says the same")
            elif check.drafted:
                said.add(check.drafted.text.lower())
        kept = [check.drafted for check in checks if check.drafted]
        if kept or not self.lines:
            self.lines = tuple(kept)
            self.uncited = sum(check.uncited for check in checks)
            self.refused = sum(check.refused for check in checks)
        return {
            "kept": dict(Counter(line.section for line in kept)),
            "characters": sum(len(line.text) for line in kept),
            "wrong": [
                {"line": number, "why": check.why, "kept": check.drafted is not None}
                for number, check in enumerate(checks)
                if check.why
            ],
        }


def checked_lines(lines: Any) -> list[Any]:
    """What model-written code handed over, if it can be a draft.

    Raises:
        TypeError: no list.
        ValueError: too many lines.
    """
    if not isinstance(lines, list):
        raise TypeError("lines must be a list of dictionaries {section, text, cites, supersedes?}")
    if len(lines) > _MOST_LINES:
        raise ValueError(f"{len(lines)} lines; the brief has room for about 30, {_MOST_LINES} are the most")
    return lines


class _Check(NamedTuple):
    """What came of a line: as it is kept, and what is wrong with it."""

    drafted: Drafted | None = None
    why: str = ""
    uncited: bool = False
    refused: bool = False


def _check(line: object, citable: Citable) -> _Check:
    if not isinstance(line, dict):
        return _Check(why="no dictionary {section, text, cites}")
    section = _BY_NAME.get(str(line.get("section", "")).strip().lower())
    if section is None:
        return _Check(why=f"unknown section; the sections are {', '.join(WRITTEN)}")
    written = str(line.get("text") or "")
    text = one_line(written)
    if fault := _fault(text):
        return _Check(why=fault)
    # A citation belongs beside the text, but a model that put it inside has cited all the same.
    citations, wrong = citable.read([*_listed(line.get("cites")), *_CITED.findall(written)])
    if not citations:
        return _Check(why=f"nothing that it cites exists: {', '.join(wrong) or 'no citation'}", uncited=True)
    if fault := citable.fault(text, citations):
        return _Check(why=f"{fault}: {_WHY}", refused=True)
    replaced, unknown = citable.read(_listed(line.get("supersedes")))
    supersedes = tuple(one for one in replaced if citable.time([one]) <= citable.time(citations))
    why = ["more than one sentence"] if len(split(text)) > 1 else []
    why += [f"these do not exist: {', '.join(wrong + unknown)}"] if wrong + unknown else []
    why += ["it supersedes what was said later"] if len(supersedes) < len(replaced) else []
    return _Check(Drafted(section, text, citations, supersedes), "; ".join(why))


def one_line(text: str) -> str:
    """The text on one line, without citations, which stand beside it."""
    return " ".join(_CITED.sub("", text).split())


def _listed(value: object) -> list[object]:
    """A model writes a list, one value, or nothing."""
    return value if isinstance(value, list) else [value] if value else []


def _fault(text: str) -> str:
    if not text:
        return "no text"
    if len(text) > LONGEST:
        return f"{len(text)} characters; at most {LONGEST}"
    return ""
