"""The root: statements of all months become the ranked lines of the compiled context."""

import re
from collections import defaultdict
from collections.abc import Sequence

import msgspec

from compiler.extractive import places
from compiler.extractive.merge import merge
from compiler.extractive.rules import habit
from compiler.extractive.select import breadth, cover, heaviest_first, support
from compiler.extractive.supersede import supersede
from compiler.extractive.tree import HEADLINE_WEIGHT, rollup
from data_models.knowledge import Line, Node, Root, Section, Statement, StatementKind

PER_SECTION = 60
LEAST_HABIT = 3
"""Sessions in which a short request must come up to count as a convention."""

_HALF_LIFE_DAYS: dict[Section, float] = {
    "Key decisions": 45,
    "Patterns": 120,
    "Dead ends": 45,
    "Open items": 10,
}
_TOPIC = re.compile(r"^`([^`]+)`: ")
_KINDS: dict[Section, tuple[StatementKind, ...]] = {
    "Key decisions": ("decision", "correction"),
    "Patterns": ("pattern",),
    "Dead ends": ("dead_end", "fix"),
    "Open items": ("open_item",),
}


def _factor(statement: Statement) -> float:
    """How much a statement weighs beside the others of its section."""
    if statement.kind == "open_item":
        return 1.5 if statement.by == "human" else 1.0
    return {"dead_end": 1.3, "correction": 0.9}.get(statement.kind, 1.0)


def root(project: str, nodes: Sequence[Node]) -> Root:
    """All lines, best first inside each section."""
    whole = rollup("month", project, nodes)
    statements = supersede(whole.statements)
    lines = _ranked("Summary", _summary(statements))
    broad = breadth(statements)
    for section, kinds in _KINDS.items():
        mine = [_aged(broad(one), whole.ended, section) for one in statements if one.kind in kinds]
        mine = [msgspec.structs.replace(one, weight=one.weight * _factor(one)) for one in mine]
        standing = [one for one in merge(mine) if not _is_noise(one)]
        chosen = (
            sorted(standing, key=heaviest_first) if section == "Patterns" else cover(standing, PER_SECTION)
        )
        lines += _ranked(section, chosen[:PER_SECTION])
    lines += list(places.lines(whole))
    return Root(lines=tuple(lines))


def _aged(statement: Statement, newest: int, section: Section) -> Statement:
    """The statement, its weight halved for each half-life that it is older than the newest session."""
    age_days = max(0, newest - statement.time) / 86_400_000
    return msgspec.structs.replace(
        statement, weight=statement.weight * 0.5 ** (age_days / _HALF_LIFE_DAYS[section])
    )


def _is_noise(statement: Statement) -> bool:
    if statement.by == "tool":
        return True
    return habit(statement) is not None and statement.sessions < LEAST_HABIT


def _summary(statements: Sequence[Statement]) -> list[Statement]:
    """Work streams, newest first: one statement for each branch, or session without one."""
    streams: dict[str, list[Statement]] = defaultdict(list)
    for one in statements:
        if one.kind == "done" and one.weight >= HEADLINE_WEIGHT:
            topic = _TOPIC.match(one.text)
            streams[topic[1] if topic else one.text].append(one)
    joined = [_stream(sorted(group, key=lambda one: -one.time)) for group in streams.values()]
    return sorted(joined, key=lambda one: (-one.time, one.text))[:PER_SECTION]


def _stream(group: Sequence[Statement]) -> Statement:
    newest = group[0]
    text = newest.text
    first, told = group[-1].text.partition(" → ")[0], text.partition(" → ")[2]
    if told and first != newest.text:
        # The branch's first request says what it is for, its newest session how far it is.
        text = f"{first} → {told}"
    return msgspec.structs.replace(
        newest,
        text=text,
        sessions=sum(one.sessions for one in group),
        authors=tuple(dict.fromkeys(author for one in group for author in one.authors)),
        citations=tuple(dict.fromkeys(cited for one in group for cited in one.citations)),
    )


def _ranked(section: Section, statements: Sequence[Statement]) -> list[Line]:
    return [_line(section, one, float(len(statements) - index)) for index, one in enumerate(statements)]


def _line(section: Section, statement: Statement, rank: float) -> Line:
    return Line(
        section=section,
        text=_told(section, statement),
        citations=statement.citations,
        time=statement.time,
        rank=rank * support(statement),
        superseded_by=statement.superseded_by,
    )


def _told(section: Section, statement: Statement) -> str:
    who = ", ".join(statement.authors[:4])
    if habit(statement):
        return f"{who} ask again and again ({statement.sessions} sessions): “{statement.text}”"
    often = f" ({statement.sessions} sessions)" if statement.sessions > 1 else ""
    return f"{who}{often}: {_quoted(statement)}" if who else _quoted(statement)


def _quoted(statement: Statement) -> str:
    """The text, a person's own words in quotation marks, so that they are not taken for the agent's."""
    if statement.by != "human" or statement.text.startswith(("chose", "approved", "changed and approved")):
        return statement.text
    words, arrow, outcome = statement.text.partition(" → ")
    return f"“{words}”{arrow}{outcome}"
