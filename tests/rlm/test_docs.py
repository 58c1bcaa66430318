"""The page about the engine is true."""

import dataclasses
import re
import subprocess
import sys
from pathlib import Path

import pytest

from rlm.budget import Budget
from rlm.prompt import helper_docs

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs" / "rlm.md").read_text(encoding="utf-8")
PROGRAMS = [
    (match["source"], match["printed"])
    for match in re.finditer(
        r"^(?P<fence>`{3,})python\n(?P<source>.*?)^(?P=fence)\n.*?^```text\n(?P<printed>.*?)^```$",
        PAGE,
        re.MULTILINE | re.DOTALL,
    )
]


def test_there_are_programs() -> None:
    """Both programs are found."""
    assert len(PROGRAMS) == 2


@pytest.mark.parametrize("index", [0, 1])
def test_programs_print_what_the_page_says(index: int) -> None:
    """Each program of the page runs as it stands and prints the block after it."""
    source, printed = PROGRAMS[index]
    done = subprocess.run(
        [sys.executable, "-c", source], cwd=ROOT, capture_output=True, text=True, timeout=60, check=False
    )
    assert (done.stderr, done.stdout) == ("", printed)


def test_defaults_are_those_of_the_page() -> None:
    """The table of limits names every field of the budget with its default."""
    table = PAGE.split("| `Budget(...)` |")[1].split("\n\n")[0]
    for field in dataclasses.fields(Budget):
        assert f"`{field.name}`" in table
        value = (
            "none" if field.default is None else f"{field.default:,}".removesuffix(".0").replace("1.0", "1")
        )
        assert value in table, field.name


def test_every_helper_is_named() -> None:
    """The list of helpers is complete."""
    assert [helper.name for helper in helper_docs() if f"`{helper.name}" not in PAGE] == []
