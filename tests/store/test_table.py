"""docs/store.md shows the table of what was tested, no more and no less."""

from pathlib import Path

from tests.store import test_everywhere
from tests.store.conformance import StoreConformance
from tests.store.places import FAULTS
from tests.store.table import row_of


def test_every_claim_has_its_row() -> None:
    """The rows in the docs are the claims of the suites that every kind of store must pass."""
    text = (Path(__file__).parents[2] / "docs" / "store.md").read_text(encoding="utf-8")
    cells = [
        [cell.strip() for cell in line.strip("|").split("|")]
        for line in text.splitlines()
        if "passed |" in line
    ]
    expected = set()
    for suite in (vars(StoreConformance), vars(test_everywhere)):
        for name, function in suite.items():
            if name.startswith("test_"):
                takes_fault = "fault" in function.__code__.co_varnames[: function.__code__.co_argcount]
                expected |= {row_of(function.__doc__, fault) for fault in (FAULTS if takes_fault else ("",))}
    assert {row for row, *_ in cells} == expected
    assert not any("FAILED" in cell for row in cells for cell in row)
