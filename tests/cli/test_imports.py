"""What a command loads: nothing that it does not need (a cold process must answer in a blink)."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

from tests.cli.helpers import ROOT

ORCHESTRATION = ["prefect", "modal", "anthropic"]
HEAVY = ["click", "pydantic", "pydantic_settings", "msgspec", "polars", "pyarrow", "rich", "zstandard"]


def loaded(*arguments: str) -> set[str]:
    """The top-level modules in a process after this command, which must succeed."""
    code = (
        "import json, sys\nfrom rlm_context.main import run\ncode = run(sys.argv[1:])\n"
        "print(json.dumps(sorted({name.partition('.')[0] for name in sys.modules})), file=sys.stderr)\n"
        "sys.exit(code)"
    )
    done = subprocess.run(
        [sys.executable, "-c", code, *arguments], cwd=ROOT, capture_output=True, text=True, check=True
    )
    return set(json.loads(done.stderr.splitlines()[-1]))


@pytest.mark.parametrize(
    "arguments",
    [["search", "alert"], ["search", "--json", "--author", "jonas", "--since", "2026-03-01", "alert"]],
)
def test_search_loads_next_to_nothing(arguments: list[str], compiled: Path) -> None:
    """No click, no pydantic, no Arrow: the standard library and tantivy."""
    assert loaded(*arguments) & {*HEAVY, *ORCHESTRATION} == set()


@pytest.mark.parametrize(
    "arguments",
    [["show"], ["status"], ["sessions"], ["session", "46774c9d"], ["why", "database"], ["doctor"]],
)
def test_reading_loads_no_orchestrator(arguments: list[str], compiled: Path) -> None:
    """Prefect, Modal and Anthropic stay out of everything that only reads."""
    assert loaded(*arguments) & set(ORCHESTRATION) == set()
