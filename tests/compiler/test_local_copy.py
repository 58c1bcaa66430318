"""The copy on this machine is only a copy: what is damaged of it is made again."""

import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from compiler.local_copy import refresh
from compiler.runtime import Runtime
from search.query import Filters, search
from tests.compiler.conftest import Compile
from tests.synthetic import write_team


def _folder_instead(path: Path) -> None:
    path.unlink()
    path.mkdir()


def _half(path: Path) -> None:
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])


@pytest.mark.parametrize("hurt", [Path.unlink, _half, _folder_instead])
def test_a_damaged_laid_out_segment_is_made_again(
    hurt: Callable[[Path], None], runtime: Runtime, compile_team: Compile, tmp_path: Path
) -> None:
    """Whatever became of the segments that generations share: the next generation is searched as usual."""
    compile_team(write_team(tmp_path / "team", 2))
    first = refresh(runtime, "shop")
    assert first is not None
    (meta,) = (runtime.home / "cache" / "projects" / "shop" / ".segments").glob("*/meta.json")
    hurt(meta)
    compile_team(write_team(tmp_path / "team", 3))
    shutil.rmtree(first.folder)
    second = refresh(runtime, "shop")
    assert second is not None
    found = {hit.session_id for hit in search([second.index], "slow because it reads", Filters(), 50)}
    assert found == {path.stem for path in (tmp_path / "team").rglob("*.jsonl")}
