"""What a report says, as plain numbers: the document of `report --json`, and all that its page is drawn from."""

import msgspec

from compiler.maintenance.nightly import Note


class Period(msgspec.Struct, frozen=True):
    """Sessions that began in one day, week or month (UTC), by author; `start` is its first day, as ISO says it."""

    start: str
    sessions: dict[str, int]


class DayCost(msgspec.Struct, frozen=True):
    """What compiles and questions of one UTC day asked of models, in US dollars at today's prices."""

    day: str
    calls: int
    usd: float


class Run(msgspec.Struct, frozen=True, kw_only=True):
    """One run as its record tells it.

    `started` is Unix milliseconds, `seconds` how long it took, or has been running for so far, `written` bytes added to
    the store.
    """

    started: int
    seconds: float
    trigger: str
    state: str
    error: str
    sessions: int
    usd: float
    written: int


class Support(msgspec.Struct, frozen=True):
    """A session that the brief cites, and how many of the brief's lines do; `day` is the day it began (UTC)."""

    session_id: str
    title: str
    author: str
    day: str
    lines: int


class FileWork(msgspec.Struct, frozen=True):
    """A file that sessions of the newest `FILE_DAYS` days edited; `last` is Unix milliseconds."""

    path: str
    edits: int
    sessions: int
    last: int


class DeadLetter(msgspec.Struct, frozen=True):
    """Something that was left out: where it stands, why, and the command that helps, "" where none does."""

    where: str
    reason: str
    next_command: str = ""


class ProjectFigures(msgspec.Struct, frozen=True, kw_only=True):
    """One project.

    `every` says how long a period is; `undated` counts sessions whose transcripts tell no time; `sections` counts the
    brief's lines; `costs` has a row for each day on which models were asked; `runs` are newest first.
    """

    project: str
    generation: str
    created: int
    sessions: int
    events: int
    authors: list[str]
    every: str
    periods: list[Period]
    undated: int
    costs: list[DayCost]
    unpriced: list[str]
    sections: dict[str, int]
    support: list[Support]
    files: list[FileWork]
    runs: list[Run]
    dead: list[DeadLetter]


class Figures(msgspec.Struct, frozen=True, kw_only=True):
    """The whole report. `made` is Unix milliseconds, `night` what the last nightly left, `dead` what concerns no
    single project, `prices_date` the day of the price table behind all dollars."""

    made: int
    store: str
    prices_date: str
    night: Note | None
    dead: list[DeadLetter]
    projects: list[ProjectFigures]
