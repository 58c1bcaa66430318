"""Gathers a report's figures from the newest generations, the records of runs, and the last night's note."""

import shlex
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, date, datetime, timedelta

from compiler.costs import at_prices
from compiler.local_copy import Copy
from compiler.maintenance.nightly import last_night, now_ms
from compiler.memoised import recall
from compiler.reporting.figures import (
    DayCost,
    DeadLetter,
    Figures,
    FileWork,
    Period,
    ProjectFigures,
    Run,
    Support,
)
from compiler.runs import RunRecord, read_runs
from compiler.runtime import Runtime
from compiler.work import NODE
from data_models.knowledge import SECTIONS, FileStat, Node, Root
from data_models.records import CatalogEntry
from rlm.prices import PRICES_DATE, Price
from store.memo import Memo

FILE_DAYS = 90
_MOST_DIGESTS = 1000
_MOST_RUNS = 500
_SHOWN = 20
_DEAD = 100
_DAYS_AS_DAYS, _DAYS_AS_WEEKS = 45, 400
_AT_ONCE = 8


def gather(runtime: Runtime, copies: Iterable[Copy]) -> Figures:
    """The figures of these projects.

    Args:
        runtime: the process's runtime.
        copies: local copies of the projects' newest generations.

    Raises:
        DamagedError: a copy cannot be read.
        StoreError: the store cannot be read.
    """
    unread = runtime.spool.dead()
    dead = [
        DeadLetter(f"{unread:,} in the spool", "they could not be read back", f"ls {runtime.home}/spool/dead")
    ]
    return Figures(
        made=now_ms(),
        store=runtime.store.url,
        prices_date=PRICES_DATE,
        night=last_night(runtime),
        dead=dead if unread else [],
        projects=[_project(runtime, copy) for copy in copies],
    )


def _project(runtime: Runtime, copy: Copy) -> ProjectFigures:
    entries, manifest = copy.sessions(), copy.manifest()
    runs = read_runs(runtime, copy.project, _MOST_RUNS)
    prices = runtime.account().prices
    every, periods = by_period(entries)
    costs, unpriced = _costs(runs, prices)
    root = copy.root()
    return ProjectFigures(
        project=copy.project,
        generation=copy.generation,
        created=manifest.created,
        sessions=len(entries),
        events=sum(entry.events for entry in entries),
        authors=[author for author, _ in Counter(entry.author for entry in entries).most_common()],
        every=every,
        periods=periods,
        undated=sum(_day(entry.started) is None for entry in entries),
        costs=costs,
        unpriced=unpriced,
        sections=_sections(root),
        support=_support(root, entries),
        files=_files(runtime, entries),
        runs=[_run(record, prices) for record in runs],
        dead=list(_dead(entries, copy.project))[:_DEAD],
    )


def by_period(entries: Iterable[CatalogEntry]) -> tuple[str, list[Period]]:
    """Sessions over time: "day", "week" or "month", whichever shows their span in few dozen steps, and each of them,
    those without sessions too, oldest first."""
    dated = [(day, entry.author) for entry in entries if (day := _day(entry.started))]
    if not dated:
        return "day", []
    first, last = min(dated)[0], max(dated)[0]
    span = (last - first).days
    every = "day" if span <= _DAYS_AS_DAYS else "week" if span <= _DAYS_AS_WEEKS else "month"
    counts: dict[date, Counter[str]] = {start: Counter() for start in _starts(first, last, every)}
    for day, author in dated:
        counts[_start(day, every)][author] += 1
    return every, [Period(start.isoformat(), dict(found)) for start, found in counts.items()]


def _starts(first: date, last: date, every: str) -> Iterator[date]:
    start = _start(first, every)
    while start <= last:
        yield start
        step = {"day": 1, "week": 7, "month": 31}[every]
        start = _start(start + timedelta(days=step), every)


def _start(day: date, every: str) -> date:
    """The first day of the period that a day falls in; weeks begin on Monday (ISO 8601)."""
    if every == "week":
        return day - timedelta(days=day.weekday())
    return day.replace(day=1) if every == "month" else day


def _costs(runs: Iterable[RunRecord], prices: Mapping[str, Price]) -> tuple[list[DayCost], list[str]]:
    """What each day cost, oldest first, and the models that are in no dollar figure."""
    days: dict[str, DayCost] = {}
    unpriced: set[str] = set()
    for record in runs:
        day = _day(record.started)
        if record.report is None or day is None or not record.report.llm.calls:
            continue
        usage = at_prices(record.report.llm, prices)
        before = days.get(day.isoformat(), DayCost(day.isoformat(), 0, 0.0))
        days[before.day] = DayCost(before.day, before.calls + usage.calls, before.usd + usage.usd)
        unpriced.update(usage.unpriced)
    return [days[day] for day in sorted(days)], sorted(unpriced)


def _run(record: RunRecord, prices: Mapping[str, Price]) -> Run:
    report = record.report
    return Run(
        started=record.started,
        seconds=record.seconds,
        trigger=record.trigger,
        state=record.state,
        error=record.error,
        sessions=report.sessions.new if report else 0,
        usd=at_prices(report.llm, prices).usd if report else 0.0,
        written=report.bytes_written if report else 0,
    )


def _sections(root: Root) -> dict[str, int]:
    counts = Counter(line.section for line in root.lines if line.verdict == "brief")
    return {section: counts[section] for section in SECTIONS if counts[section]}


def _support(root: Root, entries: Iterable[CatalogEntry]) -> list[Support]:
    """The sessions that the brief cites, those that most lines rest on first."""
    lines: Counter[str] = Counter()
    for line in root.lines:
        if line.verdict == "brief":
            lines.update({citation.session_id for citation in line.citations})
    by_id = {entry.session_id: entry for entry in entries}
    return [
        Support(found.session_id, found.title, found.author, str(_day(found.started) or ""), count)
        for session_id, count in lines.most_common()
        if (found := by_id.get(session_id))
    ]


def _files(runtime: Runtime, entries: list[CatalogEntry]) -> list[FileWork]:
    """The files that most sessions of the newest days edited, as their digests tell it."""
    newest = sorted(entries, key=lambda entry: entry.started, reverse=True)[:_MOST_DIGESTS]
    oldest = (newest[0].started if newest else 0) - FILE_DAYS * 86_400_000
    recent = [entry for entry in newest if entry.started > oldest]
    memo = Memo(runtime.store)
    with ThreadPoolExecutor(_AT_ONCE) as pool:
        digests = pool.map(lambda entry: recall(memo, NODE, entry.digest, Node), recent)
        worked = [stat for digest in digests if digest for stat in digest.files]
    return most_worked(worked)


def most_worked(stats: Iterable[FileStat]) -> list[FileWork]:
    """Files over sessions, those of most sessions and edits first, up to a page's worth."""
    found: dict[str, FileWork] = {}
    for stat in stats:
        before = found.get(stat.path, FileWork(stat.path, 0, 0, 0))
        found[stat.path] = FileWork(
            stat.path,
            before.edits + stat.edits,
            before.sessions + stat.sessions,
            max(before.last, stat.last),
        )
    ranked = sorted(found.values(), key=lambda file: (-file.sessions, -file.edits, file.path))
    return [file for file in ranked if file.edits][:_SHOWN]


def _dead(entries: Iterable[CatalogEntry], project: str) -> Iterator[DeadLetter]:
    """Records that could not be read, and what was not made in the backend's usual way; newest sessions first."""
    anew = f"rlm-context compile --project {shlex.quote(project)} --full"
    for entry in sorted(entries, key=lambda entry: entry.ended, reverse=True):
        for reject in entry.rejects:
            yield DeadLetter(f"{reject.file}:{reject.line}", reject.reason)
        for reason in entry.degraded:
            yield DeadLetter(entry.session_id, reason, anew)


def _day(milliseconds: int) -> date | None:
    """The UTC day; None for 0 and what no calendar has."""
    try:
        return datetime.fromtimestamp(milliseconds / 1000, UTC).date() if milliseconds else None
    except (OverflowError, OSError, ValueError):
        return None
