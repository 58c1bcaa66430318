"""The copy on this machine is only a copy: what is damaged of it is made again."""

import json
import os
import shutil
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from compiler.local_copy import refresh, refresh_brief
from compiler.runtime import Runtime
from search.filters import Filters
from search.query import search
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


def test_the_brief_can_come_alone(runtime: Runtime, compile_team: Compile, tmp_path: Path) -> None:
    """What a session starts with is one file, there before anything else; the rest follows it."""
    home = runtime.home / "cache" / "projects" / "shop"
    assert not refresh_brief(runtime, "shop")
    assert not home.exists()
    for sessions in (2, 3):
        compile_team(write_team(tmp_path / "team", sessions))
        assert refresh_brief(runtime, "shop")
        brief = json.loads((home / "brief.json").read_bytes())
        assert brief["sessions"] == sessions
        assert (home / "brief.json").stat().st_mode & 0o777 == 0o600
        known = json.loads((home / "current").read_bytes()) if (home / "current").exists() else None
        assert known is None or known["newest"] != brief["newest"]
        whole = refresh(runtime, "shop")
        assert whole is not None
        assert (whole.generation, whole.read("brief.md")) == (brief["generation"], brief["text"])


def test_a_lost_brief_is_made_again(runtime: Runtime, compile_team: Compile, tmp_path: Path) -> None:
    """Also where all else of the copy is up to date."""
    compile_team(write_team(tmp_path / "team", 2))
    refresh(runtime, "shop")
    brief = runtime.home / "cache" / "projects" / "shop" / "brief.json"
    before = brief.read_bytes()
    for hurt in (Path.unlink, _half):
        hurt(brief)
        refresh(runtime, "shop")
        assert brief.read_bytes() == before


def test_what_killed_processes_left_goes_after_a_day(
    runtime: Runtime, compile_team: Compile, tmp_path: Path
) -> None:
    """Half of a generation from long ago is removed; what another process fetches now is not."""
    compile_team(write_team(tmp_path / "team", 2))
    home = runtime.home / "cache" / "projects" / "shop"
    for name, written in ((".0000000001-abcdef01.77", 1), (".0000000002-abcdef01.78", time.time())):
        (home / name / "index").mkdir(parents=True)
        os.utime(home / name, (written, written))
    assert refresh(runtime, "shop") is not None
    assert [path.name for path in home.glob(".0*")] == [".0000000002-abcdef01.78"]
