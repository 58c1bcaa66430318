"""Where to look: the folders and documents that the team works on, and the checks it runs."""

import re
from collections import defaultdict
from collections.abc import Iterator, Sequence
from pathlib import PurePosixPath

from data_models.knowledge import FileStat, Line, Node, Statement

_MOST_FOLDERS = 8
_MOST_FILES = 5
_MOST_CHECKS = 6
_TEST = re.compile(
    r"(?:^|/)(?:tests?|__tests__|testdata|integration_test)/|(?:_test|\.test|\.spec|_spec)\.\w+$"
    r"|(?:^|/)test_[^/]+$"
)
_DOCUMENT = frozenset({".md", ".rst", ".adoc"})


def lines(whole: Node) -> Iterator[Line]:
    """The lines of "Where to look", most used first."""
    checks = sorted(
        (
            one
            for one in whole.statements
            if one.kind == "pattern" and one.by == "tool" and one.text.startswith("`")
        ),
        key=lambda one: (-one.sessions, one.text),
    )
    if checks:
        yield _checks(checks[:_MOST_CHECKS])
    documents = [stat for stat in whole.files if PurePosixPath(stat.path).suffix in _DOCUMENT]
    if documents:
        yield _files("documents", documents[:_MOST_FILES], whole_path=True)
    yield from _folders([stat for stat in whole.files if stat not in documents])


def _checks(checks: Sequence[Statement]) -> Line:
    told = ", ".join(f"{one.text}{_times(one.sessions)}" for one in checks)
    return Line(
        section="Where to look",
        text=f"checks that were run{' (N× = in N sessions)' if '×' in told else ''}: {told}",
        citations=tuple(one.citations[0] for one in checks),
        time=max(one.time for one in checks),
        rank=1_000.0,
    )


def _folders(files: Sequence[FileStat]) -> Iterator[Line]:
    """One line for each of the busiest folders, with its busiest files; test files are left out."""
    folders: dict[str, list[FileStat]] = defaultdict(list)
    for stat in files:
        if not _TEST.search(stat.path):
            folders[str(PurePosixPath(stat.path).parent)].append(stat)
    ranked = sorted(folders.items(), key=lambda item: (-sum(stat.sessions for stat in item[1][:3]), item[0]))
    for folder, stats in ranked[:_MOST_FOLDERS]:
        name = f"`{folder}/`" if folder != "." else "top folder"
        yield _files(name, stats[:_MOST_FILES], whole_path=False)


def _files(name: str, stats: Sequence[FileStat], *, whole_path: bool) -> Line:
    shown = [stat.path if whole_path else PurePosixPath(stat.path).name for stat in stats]
    told = ", ".join(f"`{path}`{_times(stat.sessions)}" for path, stat in zip(shown, stats, strict=True))
    return Line(
        section="Where to look",
        text=f"{name}: {told}",
        citations=tuple(cited for stat in stats for cited in stat.citations[:1]),
        time=max(stat.last for stat in stats),
        rank=float(sum(stat.sessions for stat in stats)),
    )


def _times(sessions: int) -> str:
    return f" {sessions}×" if sessions > 1 else ""
