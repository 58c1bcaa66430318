"""The figures of a compiled store, and their page."""

import asyncio
import html.parser
import re
from dataclasses import replace
from pathlib import Path

import msgspec
import pytest

from compiler.copies import compiled_copies
from compiler.maintenance.nightly import Note, Stored
from compiler.pipeline import compile_project
from compiler.report import ProjectReport
from compiler.reporting.figures import DeadLetter, Figures, Run
from compiler.reporting.gather import by_period, gather, most_worked
from compiler.reporting.leave import REPORT_KEY, leave_report
from compiler.reporting.page import render
from compiler.runs import recorded
from compiler.runtime import Runtime, open_runtime
from compiler.steps import DirectSteps
from compiler.uploading.upload import upload
from data_models.knowledge import FileStat
from data_models.records import CatalogEntry, Tokens, Usage
from store.counted import CountedStore
from store.registry import open_store
from tests.synthetic import write_team

PROJECT = "shop"
DAY = 86_400_000


@pytest.fixture
def runtime(tmp_path: Path) -> Runtime:
    """A store with nine sessions of three authors over two days, one of which has a broken line."""
    source = write_team(tmp_path / "team", 9, per_day=5)
    broken = sorted(source.rglob("*.jsonl"))[0]
    broken.write_text(broken.read_text(encoding="utf-8") + "no json\n", encoding="utf-8")
    runtime = open_runtime()
    upload(runtime, [source], project=PROJECT)
    asyncio.run(compile_project(runtime, PROJECT, DirectSteps(runtime)))
    return runtime


def paid(runtime: Runtime, usd_model: str) -> None:
    """Leave the record of a run that asked a model."""
    usage = Usage(calls=3, models={usd_model: Tokens(calls=3, input_tokens=1_000_000)})

    async def run() -> ProjectReport:
        return ProjectReport(project=PROJECT, llm=usage, bytes_written=5_000_000)

    asyncio.run(recorded(runtime, PROJECT, "a test", run))


def figures_of(runtime: Runtime) -> Figures:
    return gather(runtime, compiled_copies(runtime, None))


def test_figures_are_those_of_the_store(runtime: Runtime) -> None:
    """Sessions by author add up, what could not be read is named, and nothing was paid."""
    (one,) = figures_of(runtime).projects
    assert one.sessions == 9
    assert sum(sum(period.sessions.values()) for period in one.periods) == 9
    assert sorted(one.authors) == ["ann", "ben", "cleo"]
    assert one.every == "day"
    assert [letter.reason for letter in one.dead] == ["not JSON"]
    assert one.costs == []
    assert sum(one.sections.values()) > 0
    assert {found.session_id for found in one.support} <= {
        entry.session_id for entry in compiled_copies(runtime, PROJECT)[0].sessions()
    }


def test_what_models_cost_is_told_by_day(runtime: Runtime) -> None:
    """Dollars at today's prices; a model without one is named instead of counted."""
    paid(runtime, "claude-haiku-5-5")
    paid(runtime, "somebody-s-model")
    (one,) = figures_of(runtime).projects
    (cost,) = one.costs
    assert cost.calls == 6
    assert cost.usd > 0
    assert one.unpriced == ["somebody-s-model"]
    page = render(figures_of(runtime))
    assert "6 model calls" in page
    assert "No price is known for somebody-s-model" in page


def entry(started: int, author: str = "ann") -> CatalogEntry:
    blob = {"sha256": "0" * 64, "size": 0}
    fields = {
        "receipt": "", "session_id": "", "agent": "", "title": "", "branch": "", "ended": started, "events": 0,
        "prompts": 0, "slim": blob, "parquet": blob, "chunks": [], "digest": "",
    }  # fmt: skip
    return msgspec.convert({**fields, "author": author, "started": started}, CatalogEntry)


@pytest.mark.parametrize(("days", "every"), [(1, "day"), (45, "day"), (46, "week"), (401, "month")])
def test_time_is_shown_in_few_dozen_steps(days: int, every: str) -> None:
    """By day, week or month, without a gap, each session in one of them; a broken clock in none."""
    first = 1_767_600_000_000  # 2026-01-05, a Monday
    entries = [entry(first), entry(first + days * DAY, "ben"), entry(0), entry(1 << 62)]
    found, periods = by_period(entries)
    assert found == every
    assert sum(sum(period.sessions.values()) for period in periods) == 2
    assert periods[0].sessions == {"ann": 1}
    assert periods[-1].sessions == {"ben": 1} if days > 1 else True
    assert len(periods) <= 70
    assert len({period.start for period in periods}) == len(periods)


def test_files_are_added_up_over_sessions() -> None:
    """Those of most sessions first; what was only read is none."""
    stats = [
        FileStat("a.py", 9, 1, 1),
        FileStat("b.py", 1, 1, 5),
        FileStat("b.py", 2, 1, 3),
        FileStat("read.py", 0, 0, 9),
    ]
    assert [(file.path, file.edits, file.sessions, file.last) for file in most_worked(stats)] == [
        ("b.py", 3, 2, 5),
        ("a.py", 9, 1, 1),
    ]


class _Reader(html.parser.HTMLParser):
    """Collects tags and everything that could make a browser ask for something."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.tags: list[str] = []
        self.asks: list[str] = []
        self.feed(page)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        self.asks += [
            f"{name}={value}"
            for name, value in attrs
            if (name in ("src", "href") and (value or "")[:1] != "#") or name.startswith("on")
        ]


def test_the_page_is_self_contained_and_can_be_read_aloud(runtime: Runtime) -> None:
    """No script, no address; every plot has a label and its numbers as a table; every table says what columns are."""
    page = render(figures_of(runtime))
    found = _Reader(page)
    assert found.asks == []
    assert "script" not in found.tags
    assert found.tags.count("svg") == page.count('role="img" aria-label=') == page.count("As a table")
    assert found.tags.count("th") == page.count('scope="col"')
    assert not re.search(r"<th[^>]*></th>", page)
    assert "prefers-color-scheme: dark" in page
    assert "@media print" in page


def test_hostile_words_stay_words(runtime: Runtime) -> None:
    """Titles, names, paths and errors of others neither add a tag nor leave the page."""
    hostile = "</title><script>alert(1)</script>\"'><img src=x onerror=alert(1)>"
    figures = figures_of(runtime)
    run = Run(
        started=1 << 62,
        seconds=1,
        trigger=hostile,
        state="failed",
        error=hostile,
        sessions=0,
        usd=0,
        written=0,
    )
    changed = msgspec.structs.replace(
        figures.projects[0],
        project=hostile,
        authors=[hostile],
        runs=[run],
        dead=[DeadLetter(hostile, hostile, hostile)],
        periods=[msgspec.structs.replace(figures.projects[0].periods[0], sessions={hostile: 1})],
    )
    found = _Reader(render(msgspec.structs.replace(figures, projects=[changed], store=hostile)))
    assert "script" not in found.tags
    assert "img" not in found.tags
    assert found.asks == []


def test_what_needs_somebody_stands_on_top(runtime: Runtime) -> None:
    """Failures of the night, damage, and uploads that could not be read back."""
    night = Note(ended=1, stored=Stored(objects=5, bytes=6), faults=2, failed=("sweep",))
    dead = [DeadLetter("3 in the spool", "they could not be read back", "ls spool/dead")]
    page = render(msgspec.structs.replace(figures_of(runtime), night=night, dead=dead))
    assert page.index("Failed in the last nightly: sweep") < page.index("<h2")
    assert "Damaged in the store: 2 objects. Next: rlm-context store verify" in page
    assert "3 in the spool: they could not be read back. Next: ls spool/dead" in page


def test_several_projects_are_listed_first(runtime: Runtime) -> None:
    """Each with a link to its part of the page; one alone needs no list."""
    figures = figures_of(runtime)
    assert "All projects" not in render(figures)
    other = msgspec.structs.replace(figures.projects[0], project="other <b>")
    page = render(msgspec.structs.replace(figures, projects=[figures.projects[0], other]))
    assert '<a href="#project-2">other &lt;b&gt;</a>' in page
    assert '<h2 id="project-2">other &lt;b&gt;</h2>' in page
    assert page.index("All projects") < page.index('id="project-1"')


def test_how_runs_ended(runtime: Runtime) -> None:
    """One that crashed is among the failed. Who cancels one wants that: the exception's name says nothing more."""
    figures = figures_of(runtime)
    runs = [
        Run(started=1, seconds=1, trigger="t", state=state, error=error, sessions=0, usd=0, written=0)
        for state, error in (
            ("cancelled", "CancelledError"),
            ("failed", "out of reach"),
            ("crashed", "its process ended"),
        )
    ]
    changed = msgspec.structs.replace(figures.projects[0], runs=runs)
    page = render(msgspec.structs.replace(figures, projects=[changed]))
    assert "CancelledError" not in page
    assert "failed: out of reach" in page
    assert "Runs on record: 3, of which 2 failed." in page


def test_the_page_in_the_store(runtime: Runtime, tmp_path: Path) -> None:
    """It is left where people look; an empty store gets none."""
    assert leave_report(runtime) == REPORT_KEY
    assert runtime.store.get(REPORT_KEY).decode().startswith("<!doctype html>")
    empty = open_runtime()
    other = replace(empty, store=CountedStore(open_store(str(tmp_path / "empty"))), _catalogs={})
    assert leave_report(other) == ""
