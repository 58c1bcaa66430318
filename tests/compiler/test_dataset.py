"""The events as a table: the documented queries run, and an export holds what the store holds."""

import re
from pathlib import Path

import polars as pl
import pytest

from compiler.dataset import export, scan_events
from compiler.runtime import Runtime
from data_models.arrow import EVENT_SCHEMA
from data_models.errors import NotFoundError
from tests.compiler.conftest import Compile

_DOCS = Path(__file__).parents[2] / "docs" / "data.md"
_EXAMPLES = [
    code for code in re.findall(r"```python\n(.*?)```", _DOCS.read_text(), re.S) if "collect()" in code
]


def test_three_examples_are_documented() -> None:
    """docs/data.md shows three queries."""
    assert len(_EXAMPLES) == 3


@pytest.mark.parametrize("code", _EXAMPLES)
def test_documented_queries_run(code: str, team: Path, compile_team: Compile) -> None:
    """Each example gives a frame."""
    compile_team(team)
    names: dict[str, object] = {}
    exec(code, names)
    frames = [value for value in names.values() if isinstance(value, pl.DataFrame)]
    assert len(frames) == 1


def test_tokens_are_counted_once_a_message(team: Path, compile_team: Compile) -> None:
    """Sums over the table are what the sessions spent: 5 output tokens for each of 9 messages in 12 sessions."""
    compile_team(team)
    assert scan_events("shop").select(pl.col("output_tokens").sum()).collect().item() == 12 * 9 * 5


def test_columns_are_the_documented_schema(team: Path, compile_team: Compile) -> None:
    """The table has the schema's columns, and each stands in the documentation."""
    compile_team(team)
    names = scan_events("shop").collect_schema().names()
    assert names == EVENT_SCHEMA.names
    documented = _DOCS.read_text()
    assert all(f"`{name}`" in documented for name in names)


def test_an_export_holds_every_event(
    team: Path, compile_team: Compile, runtime: Runtime, tmp_path: Path
) -> None:
    """What was exported is the same table, and a second export changes nothing."""
    compile_team(team)
    for _ in range(2):
        written = export(runtime, "shop", tmp_path / "out")
    table = pl.scan_parquet(Path(written.folder) / "events" / "*.parquet").collect()
    assert len(table) == written.events == scan_events("shop").select(pl.len()).collect().item()
    assert (Path(written.folder) / "brief.md").read_text().startswith("# shop")


def test_an_unknown_project_is_an_error(runtime: Runtime) -> None:
    """Nothing compiled: the error says how to."""
    with pytest.raises(NotFoundError) as caught:
        scan_events("nothing")
    assert caught.value.next_command == "rlm-context compile"
