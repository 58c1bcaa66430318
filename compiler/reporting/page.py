"""A report's figures as one HTML page: plots with their numbers beside them, in light and dark, on screen and paper."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import cache

import jinja2

from compiler.citations import short_ids
from compiler.reporting.figures import DeadLetter, Figures, ProjectFigures, Run
from compiler.reporting.gather import FILE_DAYS
from compiler.reporting.plots import Plot, stacked, told
from compiler.reporting.template import PAGE

_ROWS = 20
_NUMBER = "n"
_BAR = "bar"
_DATE = "d"

Head = list[tuple[str, str]]
Rows = list[tuple[object, ...]]


@dataclass(frozen=True)
class Part:
    """One part of a project's page: a plot or none, what it says in a sentence, and the numbers as a table."""

    title: str
    caption: str
    head: Head = field(default_factory=list)
    rows: Rows = field(default_factory=list)
    plot: Plot | None = None


@dataclass(frozen=True)
class ProjectPage:
    """What the page says of one project; `row` is its line among all projects, each cell with its class."""

    name: str
    facts: str
    row: list[tuple[str, str]]
    parts: list[Part]


def render(figures: Figures) -> str:
    """The page as a whole HTML document."""
    pages = [ProjectPage(one.project, _facts(one), _row(one), list(_parts(one))) for one in figures.projects]
    return _template().render(figures=figures, pages=pages, alarms=list(_alarms(figures)))


@cache
def _template() -> jinja2.Template:
    environment = jinja2.Environment(autoescape=True, undefined=jinja2.StrictUndefined, trim_blocks=True)
    environment.filters |= {"minute": _minute, "number": lambda value: f"{value:,.0f}"}
    return environment.from_string(PAGE)


def _alarms(figures: Figures) -> Iterator[str]:
    """What somebody has to see to."""
    night = figures.night
    if night and night.failed:
        yield f"Failed in the last nightly: {', '.join(night.failed)}. Next: rlm-context status"
    if night and night.faults:
        yield f"Damaged in the store: {night.faults:,} objects. Next: rlm-context store verify"
    for letter in figures.dead:
        yield f"{letter.where}: {letter.reason}. Next: {letter.next_command}"


def _row(one: ProjectFigures) -> list[tuple[str, str]]:
    number = int(one.generation.partition("-")[0])
    usd = sum(cost.usd for cost in one.costs)
    return [
        (f"{number:,}", _NUMBER),
        (_minute(one.created), _DATE),
        (f"{one.sessions:,}", _NUMBER),
        (f"{len(one.authors):,}", _NUMBER),
        (f"{_failed(one):,}", _NUMBER),
        (f"{usd:.2f}", _NUMBER),
    ]


def _facts(one: ProjectFigures) -> str:
    number = int(one.generation.partition("-")[0])
    return (
        f"Generation {number} of {_minute(one.created)} UTC: {one.sessions:,} sessions of "
        f"{', '.join(one.authors[:8])}{' and others' if len(one.authors) > 8 else ''}, {one.events:,} events."
    )


def _parts(one: ProjectFigures) -> Iterator[Part]:
    yield _sessions(one)
    yield _costs(one)
    yield _runs(one)
    yield _growth(one)
    yield _support(one)
    yield _files(one)
    yield _dead(one.dead)


def _sessions(one: ProjectFigures) -> Part:
    columns = [(period.start, {a: float(n) for a, n in period.sessions.items()}) for period in one.periods]
    plot = stacked(columns, "sessions")
    busiest = max(one.periods, key=lambda period: sum(period.sessions.values()), default=None)
    caption = f"Sessions begun each {one.every} (UTC), by author."
    if busiest:
        when = "on" if one.every == "day" else f"in the {one.every} of"
        caption += f" Most, {sum(busiest.sessions.values()):,}, {when} {busiest.start}."
    if one.undated:
        caption += f" {one.undated:,} without a time are not shown."
    head: Head = [(f"{one.every} of", _DATE), *((author, _NUMBER) for author in one.authors)]
    rows: Rows = [
        (period.start, *(period.sessions.get(author, 0) for author in one.authors)) for period in one.periods
    ]
    return Part("Sessions over time", caption, head, rows, plot if columns else None)


def _costs(one: ProjectFigures) -> Part:
    title = "Cost per day"
    if not one.costs:
        return Part(title, "No model was asked: the texts were compiled by rules.")
    plot = stacked([(cost.day, {"": cost.usd}) for cost in one.costs], "$")
    total = sum(cost.usd for cost in one.costs)
    caption = (
        f"{told(total, '$')} for {sum(cost.calls for cost in one.costs):,} model calls, on days with any."
    )
    if one.unpriced:
        caption += f" No price is known for {', '.join(one.unpriced)}, which is not counted."
    head: Head = [("day (UTC)", _DATE), ("calls", _NUMBER), ("US dollars", _NUMBER)]
    rows: Rows = [(cost.day, f"{cost.calls:,}", f"{cost.usd:.4f}") for cost in one.costs]
    return Part(title, caption, head, rows, plot)


def _runs(one: ProjectFigures) -> Part:
    caption = f"Runs on record: {len(one.runs):,}, of which {_failed(one):,} failed. The newest:"
    head: Head = [("began (UTC)", _DATE), ("trigger", ""), ("state", ""), ("new sessions", _NUMBER)]
    head += [("seconds", _NUMBER), ("MB written", _NUMBER), ("US dollars", _NUMBER)]
    rows: Rows = [
        (_minute(run.started), run.trigger, _state(run), f"{run.sessions:,}",
         f"{run.seconds:.1f}", f"{run.written / 1e6:.2f}", f"{run.usd:.4f}")
        for run in one.runs[:_ROWS]
    ]  # fmt: skip
    return Part("What changed", caption, head, rows)


def _failed(one: ProjectFigures) -> int:
    """How many of the runs on record failed; one that crashed did too."""
    return sum(run.state in ("failed", "crashed") for run in one.runs)


def _state(run: Run) -> str:
    """How a run ended, with the reason where it is one: a run that was cancelled has none."""
    return f"{run.state}: {run.error}" if run.error and run.state != "cancelled" else run.state


def _growth(one: ProjectFigures) -> Part:
    written: dict[str, float] = {}
    for run in reversed(one.runs):
        day = _minute(run.started)[:10]
        written[day] = written.get(day, 0.0) + run.written / 1e6
    days = {day: megabytes for day, megabytes in written.items() if megabytes}
    plot = stacked([(day, {"": megabytes}) for day, megabytes in days.items()], "MB")
    caption = f"{sum(days.values()):,.1f} MB written to the store by runs on record, on days with any."
    head: Head = [("day (UTC)", _DATE), ("MB", _NUMBER)]
    rows: Rows = [(day, f"{megabytes:,.2f}") for day, megabytes in days.items()]
    return Part("Growth", caption, head, rows, plot if days else None)


def _support(one: ProjectFigures) -> Part:
    count = sum(one.sections.values())
    sections = ", ".join(f"{number} {section}" for section, number in one.sections.items())
    caption = f"{count:,} lines ({sections}) cite {len(one.support):,} of {one.sessions:,} sessions."
    most = max((session.lines for session in one.support), default=1)
    head: Head = [
        ("lines", _NUMBER),
        ("", _BAR),
        ("session", _DATE),
        ("of (UTC)", _DATE),
        ("author", ""),
        ("title", ""),
    ]
    short = short_ids([session.session_id for session in one.support])
    rows: Rows = [
        (
            session.lines,
            round(100 * session.lines / most),
            short[session.session_id],
            session.day,
            session.author,
            session.title,
        )
        for session in one.support[:_ROWS]
    ]
    return Part("What the brief rests on", caption, head, rows)


def _files(one: ProjectFigures) -> Part:
    title = "Files most worked on"
    if not one.files:
        return Part(title, f"No session of the newest {FILE_DAYS} days edited a file.")
    most = max(file.sessions for file in one.files)
    head: Head = [
        ("file", ""),
        ("", _BAR),
        ("sessions", _NUMBER),
        ("edits", _NUMBER),
        ("last (UTC)", _NUMBER),
    ]
    rows: Rows = [
        (
            file.path,
            round(100 * file.sessions / most),
            f"{file.sessions:,}",
            f"{file.edits:,}",
            _minute(file.last),
        )
        for file in one.files
    ]
    return Part(title, f"In the newest {FILE_DAYS} days with sessions.", head, rows)


def _dead(letters: list[DeadLetter]) -> Part:
    title = "Dead letters"
    if not letters:
        return Part(title, "Nothing was left out.")
    head: Head = [("where", ""), ("why", "")]
    rows: Rows = [
        (
            letter.where,
            f"{letter.reason}. Next: {letter.next_command}" if letter.next_command else letter.reason,
        )
        for letter in letters
    ]
    return Part(title, "Records that could not be read, and what models refused.", head, rows)


def _minute(milliseconds: int) -> str:
    try:
        return datetime.fromtimestamp(milliseconds / 1000, UTC).strftime("%Y-%m-%d %H:%M")
    except (OverflowError, OSError, ValueError):  # a transcript's clock may say anything
        return "undated"
