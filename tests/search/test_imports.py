"""A search is a cold process: it loads little."""

import subprocess
import sys

HEAVY = (
    "msgspec",
    "pydantic",
    "click",
    "polars",
    "pyarrow",
    "prefect",
    "dataclasses",
    "argparse",
    "typing",
    "inspect",
)


def test_the_query_side_is_light() -> None:
    """Searching and printing import the standard library's small modules and tantivy."""
    code = "import search.query, search.render, sys; print(*sys.modules)"
    loaded = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True
    ).stdout.split()
    assert not set(HEAVY) & set(loaded)
