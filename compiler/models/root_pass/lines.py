"""From what a model wrote to the lines of the compiled context: completed, marked and ranked."""

from collections.abc import Iterable, Iterator, Mapping, Sequence

import msgspec

from compiler.extractive.lines import PER_SECTION
from compiler.models.root_pass.citations import Citable
from compiler.models.root_pass.draft import Drafted
from data_models.knowledge import SECTIONS, Citation, Line, Section, Statement, StatementKind

_SHOWN = 2
"""Citations of a later line that an earlier one is marked with."""

_SECTION_OF: Mapping[StatementKind, Section] = {
    "decision": "Key decisions",
    "correction": "Key decisions",
    "pattern": "Patterns",
    "dead_end": "Dead ends",
    "fix": "Dead ends",
    "open_item": "Open items",
}

Later = Mapping[Citation, tuple[Citation, ...]]
"""What replaced the line that a citation stands for: the citations of the later one."""


def compose(written: Sequence[Drafted], base: Sequence[Line], citable: Citable) -> tuple[Line, ...]:
    """All lines, best first in each section: what the model wrote, then what rules chose and it does not repeat.

    So no section is empty that rules can fill, the full text and `why` know what the brief has no room for, and what
    the model left out stands behind all that it wrote.

    Args:
        written: the model's lines, best first.
        base: the lines of the extractive root.
        citable: knows the time of each record, and what stands there.
    """
    later = _later(written)
    outdated = {
        line.citations[0]: line.superseded_by for line in base if line.superseded_by and line.citations
    }
    own = [_line(one, {**outdated, **later}, citable) for one in written]
    told = {cited for one in written for cited in one.citations}
    marked = [_marked(line, later) for line in base]
    rest = [line for line in marked if line.superseded_by or told.isdisjoint(line.citations[:1])]
    replaced = list(_replaced(later, [*own, *rest], citable))
    lines: list[Line] = []
    for section in SECTIONS:
        mine = [line for line in (*own, *rest, *replaced) if line.section == section]
        lines += _ranked([line for line in mine if not line.superseded_by])
        lines += [line for line in mine if line.superseded_by][:PER_SECTION]
    return tuple(lines)


def _later(written: Iterable[Drafted]) -> Later:
    return {
        cited: one.citations[:_SHOWN]
        for one in written
        for cited in one.supersedes
        if cited not in one.citations
    }


def _line(one: Drafted, later: Later, citable: Citable) -> Line:
    """A line with both its own first citation and that of what it replaces in front, where readers see them."""
    citations = dict.fromkeys((*one.citations[:1], *one.supersedes[:1], *one.citations[1:]))
    line = Line(
        section=one.section,
        text=one.text,
        citations=tuple(citations),
        time=citable.time(one.citations),
        superseded_by=one.superseded_by,
    )
    return _marked(line, later)


def _marked(line: Line, later: Later) -> Line:
    """The line, with what replaced it where that is known now. What cites both tells of the change itself."""
    by = next((later[cited] for cited in line.citations[:1] if cited in later), ())
    if not by or line.superseded_by or line.section == "Where to look" or set(by) & set(line.citations):
        return line
    return msgspec.structs.replace(line, superseded_by=by)


def _replaced(later: Later, lines: Iterable[Line], citable: Citable) -> Iterator[Line]:
    """Lines for what was superseded and stands in no line yet, in the words of the nodes."""
    told = {cited for line in lines if line.superseded_by for cited in line.citations[:1]}
    for cited, by in later.items():
        statement = None if cited in told else citable.statement(cited)
        if statement and statement.kind in _SECTION_OF:
            yield _of_statement(statement, by)


def _of_statement(statement: Statement, by: tuple[Citation, ...]) -> Line:
    return Line(
        section=_SECTION_OF[statement.kind],
        text=statement.text,
        citations=statement.citations,
        time=statement.time,
        superseded_by=by,
    )


def _ranked(lines: Sequence[Line]) -> Iterator[Line]:
    """The brief takes lines in their order; the rank says the same."""
    lines = lines[: 2 * PER_SECTION]
    return (msgspec.structs.replace(one, rank=float(len(lines) - at)) for at, one in enumerate(lines))
