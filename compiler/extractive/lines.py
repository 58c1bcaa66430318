"""The root: statements of all months become the ranked lines of the compiled context."""

from collections.abc import Iterator, Sequence

from compiler.extractive.merge import merge
from compiler.extractive.select import cover, heaviest_first, support
from compiler.extractive.tree import rollup
from data_models.knowledge import Line, Node, Root, Section, Statement, StatementKind

PER_SECTION = 60
_SECTION_OF: dict[StatementKind, Section] = {
    "done": "Summary",
    "decision": "Key decisions",
    "correction": "Patterns",
    "pattern": "Patterns",
    "dead_end": "Dead ends",
    "fix": "Dead ends",
    "open_item": "Open items",
}


def root(project: str, nodes: Sequence[Node]) -> Root:
    """All lines, best first inside each section."""
    whole = rollup("month", project, nodes)
    lines: list[Line] = []
    for section in dict.fromkeys(_SECTION_OF.values()):
        mine = [one for one in whole.statements if _SECTION_OF.get(one.kind) == section]
        if section == "Summary":
            chosen = sorted(mine, key=lambda one: -one.time)[:PER_SECTION]
        else:
            chosen = cover(sorted(merge(mine), key=heaviest_first), PER_SECTION)
        lines += [_line(section, one, len(chosen) - rank) for rank, one in enumerate(chosen)]
    lines += _files(whole)
    return Root(lines=tuple(lines))


def _line(section: Section, statement: Statement, rank: float) -> Line:
    who = ", ".join(statement.authors)
    text = f"{who}: {statement.text}" if statement.by == "human" and who else statement.text
    if statement.sessions > 1:
        text += f" ({statement.sessions} sessions)"
    return Line(
        section=section,
        text=text,
        citations=statement.citations,
        time=statement.time,
        rank=rank * support(statement),
    )


def _files(whole: Node) -> Iterator[Line]:
    for stat in whole.files[:20]:
        text = f"`{stat.path}` ({stat.sessions} sessions, {stat.edits} edits)"
        yield Line(
            section="Where to look", text=text, citations=stat.citations, time=stat.last, rank=stat.sessions
        )
