"""What README shows is what the program prints."""

import asyncio
import re
from pathlib import Path

import pytest

from compiler.local_copy import Copy, refresh
from compiler.pipeline import compile_project
from compiler.runtime import open_runtime
from compiler.steps import DirectSteps
from compiler.uploading.upload import upload
from search.filters import Filters
from search.query import search
from search.render import render

ROOT = Path(__file__).parents[2]
README = (ROOT / "README.md").read_text(encoding="utf-8")


@pytest.fixture
def copy() -> Copy:
    """The example sessions, compiled as `make compile` does where there are no others."""
    runtime = open_runtime()
    upload(runtime, [ROOT / "examples" / "sessions"], project="tidewatch")
    asyncio.run(compile_project(runtime, "tidewatch", DirectSteps(runtime)))
    found = refresh(runtime, "tidewatch")
    assert found is not None
    return found


def _shown(name: str) -> list[str]:
    block = re.search(rf"<!-- transcript:{name} -->\n```\n(.*?)```", README, re.S)
    assert block is not None, name
    return block[1].splitlines()


def test_the_brief_is_real(copy: Copy) -> None:
    """Each line of the brief that README shows stands in the brief of the example sessions."""
    brief = copy.read("brief.md").splitlines()
    shown = [line for line in _shown("compile") if line.startswith(("# ", "## ", "- 2"))]
    assert len(shown) >= 8
    assert [line for line in shown if line not in brief] == []


def test_the_search_is_real(copy: Copy) -> None:
    """The search that README shows prints that."""
    command, *shown = _shown("search")
    query = re.fullmatch(r'\$ \.venv/bin/rlm-context search "(.+)" --limit (\d+)', command)
    assert query is not None
    printed = render(search([copy.index], query[1], Filters(), int(query[2])), {}).splitlines()
    assert [line for line in shown if line and line not in printed] == []


def test_the_modal_transcript_is_of_the_page_that_is_run() -> None:
    """Its commands and lines stand in docs/modal.md's in that order; a test types those and compares."""
    page = (ROOT / "docs" / "modal.md").read_text(encoding="utf-8")
    block = re.search(r"<!-- transcript -->\n```console\n(.*?)```", page, re.S)
    assert block is not None
    lines = iter(block[1].splitlines())
    assert [line for line in _shown("modal") if line not in lines] == []
