"""The root: statements of all months become the ranked lines of the compiled context."""

import re
from collections import defaultdict
from collections.abc import Collection, Sequence
from datetime import UTC, datetime

import msgspec

from compiler.extractive import cues, places
from compiler.extractive.about import ABOUT
from compiler.extractive.choices import PARAPHRASED
from compiler.extractive.commits import DONE_WEIGHT
from compiler.extractive.merge import Told, merge
from compiler.extractive.rules import ISSUE, TODO
from compiler.extractive.select import LIGHT, breadth, cover, heaviest_first, support
from compiler.extractive.supersede import supersede
from compiler.extractive.tree import HEADLINE_WEIGHT, rollup
from compiler.extractive.wishes import clauses, is_order
from compiler.extractive.words import specifics
from data_models.knowledge import Line, Node, Root, Section, Statement, StatementKind

PER_SECTION = 60
LEAST_SESSIONS = 3
LEAST_AUTHORS = 2
"""A wish counts as a convention once it came up in so many sessions, or from so many people."""
CONVENTION = 1.5
"""Least weight of a convention: below a rule said once with its reason, until it is repeated."""

_POINTS = re.compile(r"^.{0,30}\b(?:this|that|these|those|it)\b", re.IGNORECASE)
"""Words that begin by pointing at what only those who were there saw."""
_ISSUE = re.compile(r"(?<![A-Za-z0-9])(?:[A-Za-z][A-Za-z0-9]{1,9}-\d{1,6}|#\d{1,6})(?!\w)")
_QUESTION = re.compile(r".*\?$|(?:can|could) (?:we|you)\b", re.IGNORECASE)
LEAST_OVERVIEW = 6
MOST_NAMED = 12
_DAY_MS = 86_400_000
_TODO_DAYS = 7  # what an older todo list left undone was done, or given up

_MADE = HEADLINE_WEIGHT + DONE_WEIGHT / 10
"""Weight of a stream in which something was committed."""
_TOPIC = re.compile(r"^`([^`]+)`: ")
# In the order in which they are told: what is both a rule and a correction is told as a rule.
_KINDS: dict[Section, tuple[StatementKind, ...]] = {
    "Patterns": ("pattern",),
    "Dead ends": ("dead_end", "fix"),
    "Key decisions": ("decision", "correction"),
    "Open items": ("open_item",),
}
_HALF_LIFE_DAYS: dict[Section, float] = {
    "Key decisions": 30,
    "Patterns": 120,
    "Dead ends": 45,
    "Open items": 10,
}


def root(project: str, nodes: Sequence[Node]) -> Root:
    """All lines, best first inside each section."""
    whole = rollup("month", project, nodes)
    statements = supersede(whole.statements)
    broad = breadth(statements)
    told, taken_up = Told(), _taken_up(statements)
    few = whole.sessions < LEAST_OVERVIEW
    lines = [*_project(statements), *_overview(whole), *_ranked("Summary", _summary(statements, few))]
    for section, kinds in _KINDS.items():
        mine = merge(one for one in statements if one.kind in kinds)
        standing = [
            _weighed(broad(one), whole.ended, section)
            for one in mine
            if not _is_noise(one, whole.ended, taken_up)
        ]
        lines += _ranked(section, [one for one in _ordered(section, standing) if told.add(one)])
    lines += places.lines(whole)
    return Root(lines=tuple(lines))


def _weighed(statement: Statement, newest: int, section: Section) -> Statement:
    """The statement with its weight in its section, halved for each half-life before the newest session."""
    age_days = max(0, newest - statement.time) / _DAY_MS
    fresh = 0.5 ** (age_days / _HALF_LIFE_DAYS[section])
    least = CONVENTION if statement.kind == "pattern" else 0.0
    weight = max(least, statement.weight) * _factor(statement) * fresh
    return msgspec.structs.replace(statement, weight=weight)


def _factor(statement: Statement) -> float:
    """How much a statement weighs beside the others of its section."""
    if statement.by == "human" and statement.kind != "pattern":
        # What a person decided, refused or put off weighs more than what an agent reports, a question less.
        if statement.text.startswith(PARAPHRASED):
            return 0.5 if cues.TRIVIA.search(statement.text) else 1.4
        words = statement.text.partition(" → ")[0]
        if _QUESTION.match(words):
            return 0.5
        # A correction without a reason was about one moment.
        factor = 1.4 if statement.kind != "correction" or cues.REASON.search(words) else 0.7
        pointing = _POINTS.search(words) and (statement.kind == "correction" or not specifics(words))
        return factor * (0.4 if pointing else 1.0)
    if statement.kind == "open_item":
        return 0.8
    if statement.kind == "pattern":
        # A rule that joins several wishes comes after those of them that stand by themselves.
        return 0.5 if statement.by == "human" and len(list(clauses(statement.text))) > 1 else 1.0
    trivial = statement.kind in ("fix", "dead_end", "decision") and cues.TRIVIA.search(statement.text)
    return (0.3 if trivial else 1.0) * (1.2 if statement.kind == "dead_end" else 1.0)


def _ordered(section: Section, statements: Sequence[Statement]) -> list[Statement]:
    # A convention matters by how often it is asked for, not by the rare words in it.
    ranked = sorted(statements, key=heaviest_first)
    return ranked[:PER_SECTION] if section == "Patterns" else cover(ranked, PER_SECTION)


def _taken_up(statements: Sequence[Statement]) -> frozenset[str]:
    """The numbers of issues that a branch or commit names: work on these was begun."""
    done = [one.text for one in statements if one.kind == "done" and one.weight >= DONE_WEIGHT]
    return frozenset(number.upper() for text in done for number in _ISSUE.findall(text))


def _is_noise(statement: Statement, newest: int, taken_up: Collection[str]) -> bool:
    if statement.by == "tool":
        return True
    if statement.kind in ("decision", "correction") and statement.by == "human":
        words = statement.text.partition(" → ")[0]
        return "?" in words and not words.startswith(PARAPHRASED)
    if statement.kind == "fix":
        return bool(cues.TRIVIA.search(statement.text))
    if statement.text.startswith(ISSUE):
        return statement.text.removeprefix(ISSUE).partition(" ")[0] in taken_up
    if statement.text.startswith(TODO):
        return newest - statement.time > _TODO_DAYS * _DAY_MS
    if statement.kind != "pattern" or statement.weight >= LIGHT:
        return False
    again = statement.sessions >= LEAST_SESSIONS or len(statement.authors) >= LEAST_AUTHORS
    return not again or is_order(statement.text)


def _project(statements: Sequence[Statement]) -> list[Line]:
    """One line on what the project is, where its README or a person says so."""
    told = [one for one in statements if one.kind == "pattern" and one.text.startswith(ABOUT)]
    return [_line("Summary", one, PER_SECTION + 2.0) for one in sorted(told, key=_surest)[:1]]


def _surest(statement: Statement) -> tuple[float, int, str]:
    return (-statement.weight, -statement.time, statement.text)


def _overview(whole: Node) -> list[Line]:
    """One line on who worked here and since when, where there is more than a handful of sessions."""
    cited = [one for one in whole.statements if one.kind == "done" and one.weight >= HEADLINE_WEIGHT]
    if whole.sessions < LEAST_OVERVIEW or not cited:
        return []
    ends = (min(cited, key=lambda one: one.time), max(cited, key=lambda one: one.time))
    since = datetime.fromtimestamp(whole.started / 1000, UTC).strftime("%Y-%m-%d")
    named = ", ".join(whole.authors[:MOST_NAMED]) + (", …" if len(whole.authors) > MOST_NAMED else "")
    return [
        Line(
            section="Summary",
            text=f"{whole.sessions} sessions since {since} by {named}; what was worked on last, newest first:",
            citations=tuple(one.citations[0] for one in reversed(ends)),
            time=whole.ended,
            rank=float(PER_SECTION + 1),
        )
    ]


def _summary(statements: Sequence[Statement], few: bool) -> list[Statement]:
    """Work streams, newest first: one statement for each branch, or session without one.

    What was asked with no word on what came of it is left out, unless there are but a few sessions.
    """
    streams: dict[str, list[Statement]] = defaultdict(list)
    for one in statements:
        if one.kind == "done" and one.weight >= HEADLINE_WEIGHT:
            topic = _TOPIC.match(one.text)
            streams[topic[1] if topic else one.text].append(one)
    joined = [_stream(sorted(group, key=lambda one: -one.time)) for group in streams.values()]
    told = [one for one in joined if few or one.weight >= _MADE or _tells(one.text)]
    return sorted(told, key=lambda one: (-one.time, one.text))[:PER_SECTION]


def _tells(text: str) -> bool:
    """Whether a stream in which nothing was committed names what was asked and says what came of it."""
    asked, arrow, _ = _TOPIC.sub("", text).partition(" → ")
    return bool(arrow) and specifics(asked) > 0


def _stream(group: Sequence[Statement]) -> Statement:
    """One statement for a branch's sessions, which come newest first: the one that says most speaks for all."""
    newest, best = group[0], max(group, key=lambda one: one.weight)
    return msgspec.structs.replace(
        newest,
        text=best.text,
        weight=best.weight,
        sessions=sum(one.sessions for one in group),
        authors=tuple(dict.fromkeys(author for one in group for author in one.authors)),
        citations=tuple(dict.fromkeys(cited for one in (best, *group) for cited in one.citations)),
    )


def _ranked(section: Section, statements: Sequence[Statement]) -> list[Line]:
    return [_line(section, one, float(len(statements) - index)) for index, one in enumerate(statements)]


def _line(section: Section, statement: Statement, rank: float) -> Line:
    return Line(
        section=section,
        text=_told(statement),
        citations=statement.citations,
        time=statement.time,
        rank=rank * support(statement),
        superseded_by=statement.superseded_by,
    )


def _told(statement: Statement) -> str:
    who = "" if statement.text.startswith(ABOUT) else ", ".join(statement.authors[:4])
    if statement.kind == "pattern" and statement.by == "human" and statement.sessions > 1:
        ask = "asks" if len(statement.authors) == 1 else "ask"
        often = " again and again" if statement.sessions >= LEAST_SESSIONS else ""
        return f"{who} {ask}{often} ({statement.sessions} sessions): {_quoted(statement)}"
    if statement.kind == "fix" and statement.by != "human":
        return f"{who}: mended: {statement.text}"
    often = f" ({statement.sessions} sessions)" if statement.sessions > 1 else ""
    return f"{who}{often}: {_quoted(statement)}" if who else _quoted(statement)


def _quoted(statement: Statement) -> str:
    """The text, a person's own words in quotation marks, so that they are not taken for the agent's."""
    if statement.by != "human" or not statement.verbatim or statement.text.startswith(PARAPHRASED):
        return statement.text
    words, arrow, outcome = statement.text.partition(" → ")
    return f"“{words}”{arrow}{outcome}"
