"""Runs the suites that every kind of store must pass and prints the table of docs/store.md.

    python -m tests.store.table        (about three minutes)

A cell counts the cases that passed, or says how many failed; it is empty where the row has no meaning there.
"""

import sys
from collections import defaultdict
from pathlib import Path

import pytest

COLUMNS = {
    "TestLocal": "local",
    "TestMemory": "memory",
    "TestS3": "S3",
    "TestModal": "Modal v2",
    "TestModalVersion1": "Modal v1",
    "s3": "S3",
    "modal": "Modal v2",
}
_SHOWN = tuple(dict.fromkeys(COLUMNS.values()))
_SUITES = ("test_backends.py", "test_s3.py", "test_modal.py", "test_everywhere.py")


class Table:
    """A pytest plugin that keeps the outcome of every case by row and column."""

    def __init__(self) -> None:
        self._place: dict[str, tuple[str, str]] = {}
        self._order: dict[str, tuple[str, int]] = {}
        self._passed: dict[tuple[str, str], int] = defaultdict(int)
        self._failed: dict[tuple[str, str], int] = defaultdict(int)

    def pytest_collection_modifyitems(self, items: list[pytest.Item]) -> None:
        """Leave out what has no row, and note where the others go."""
        for item in items:
            place = _place(item)
            if place and isinstance(item, pytest.Function):
                self._place[item.nodeid] = place
                self._order[place[0]] = item.function.__module__, item.function.__code__.co_firstlineno
        items[:] = [item for item in items if item.nodeid in self._place]

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        """Count one outcome."""
        place = self._place.get(report.nodeid)
        if place and report.failed:
            self._failed[place] += 1
        elif place and report.when == "call" and report.passed:
            self._passed[place] += 1

    def lines(self) -> list[str]:
        """The table in Markdown."""
        rows = sorted(self._order, key=lambda row: (self._order[row], row))
        head = ["what must hold", *_SHOWN]
        lines = [
            head,
            ["---"] * len(head),
            *([row, *(self._cell(row, name) for name in _SHOWN)] for row in rows),
        ]
        return [f"| {' | '.join(line)} |" for line in lines]

    def _cell(self, row: str, column: str) -> str:
        failed, passed = self._failed[row, column], self._passed[row, column]
        return f"{failed} FAILED" if failed else f"{passed} passed" if passed else ""


def row_of(claim: str, fault: str = "") -> str:
    """A row's name: what the test claims, and the fault it meets."""
    line = claim.strip().partition("\n")[0].rstrip(".")
    return f"{line} ({fault})" if fault else line


def _place(item: pytest.Item) -> tuple[str, str] | None:
    assert isinstance(item, pytest.Function)
    parameters = item.callspec.params if hasattr(item, "callspec") else {}
    kind = parameters.get("kind") or (item.cls.__name__ if item.cls else "")
    column = COLUMNS.get(kind, kind)
    shared = "kind" in parameters or (
        item.originalname.startswith("test_") and item.originalname[5:7].isdigit()
    )
    if column not in _SHOWN or not shared:
        return None
    return row_of(item.function.__doc__ or "", str(parameters.get("fault", ""))), column


def main() -> int:
    """Run the suites; the exit code of pytest."""
    table = Table()
    here = Path(__file__).parent
    code = pytest.main(
        ["-q", "--no-header", "-p", "no:cacheprovider", *(str(here / suite) for suite in _SUITES)],
        plugins=[table],
    )
    print("\n".join(table.lines()))
    return int(code)


if __name__ == "__main__":
    sys.exit(main())
