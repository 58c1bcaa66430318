"""Damage in the store: doctor names it, and the command that doctor gives mends it."""

import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from compiler.runtime import open_runtime
from store.generations import newest
from tests.cli.helpers import MIRA, assert_one_line, rlm

FULL = ["compile", "--project", "shop", "--full"]
AGAIN = ["compile", "--source", str(MIRA), "--project", "shop", "--full"]
MENDS = {
    "manifest": ["compile"],
    "part": ["compile"],
    "brief": ["compile"],
    "root": ["compile"],
    "segment": FULL,
    "parquet": FULL,
    "slim": AGAIN,
    "receipt": AGAIN,
}


def keys_of(kind: str) -> list[str]:
    """Every key of this kind in the small store."""
    runtime = open_runtime()
    generation = newest(runtime.store, "shop")
    assert generation is not None
    manifest = generation.manifest
    entries = runtime.catalog([manifest]).values()
    return {
        "manifest": [generation.key],
        "part": [part.key for part in manifest.parts],
        "brief": [manifest.texts["brief"].key],
        "root": [manifest.texts["root"].key],
        "segment": [segment.blob.key for segment in manifest.segments],
        "parquet": [entry.parquet.key for entry in entries],
        "slim": [entry.slim.key for entry in entries],
        "receipt": [entry.receipt for entry in entries],
    }[kind]


def flip(path: Path) -> None:
    """Change one byte in the middle."""
    data = bytearray(path.read_bytes())
    data[len(data) // 2] ^= 0xFF
    path.write_bytes(data)


def cut(path: Path) -> None:
    """Keep the first half."""
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])


HURTS = (flip, cut, Path.unlink)


@pytest.mark.parametrize("hurt", HURTS, ids=["flipped", "cut", "gone"])
@pytest.mark.parametrize("kind", MENDS)
def test_damage_is_named_and_mended(kind: str, hurt: Callable[[Path], None], small: Path) -> None:
    """With no local copy to fall back on: a clear line or a result, never a traceback; then all is well again."""
    shutil.rmtree(small / "cache" / "projects")
    hurt(small / "store" / keys_of(kind)[0])
    doctor = rlm("doctor")
    lost = kind == "manifest" and hurt is Path.unlink
    assert doctor.code == (0 if lost else 1)  # a manifest that is gone was never published
    if lost:
        assert "shop: not compiled yet  → rlm-context compile" in doctor.out
    else:
        assert "BAD   generations: shop: " in doctor.out
        assert "→ rlm-context compile --project shop --full" in doctor.out
    for command in (["show"], ["search", "sqlite"], ["session", "05d95954"], ["status"]):
        result = rlm(*command)
        if result.code:
            assert_one_line(result)
    assert rlm(*MENDS[kind]).code == 0
    after = rlm("doctor")
    assert after.code == 0, after.out
    assert rlm("show").code == rlm("session", "05d95954").code == 0
    assert "[s:" in rlm("search", "sqlite").out


@pytest.mark.parametrize("kind", ["manifest", "part", "segment", "parquet", "slim", "receipt"])
def test_the_copy_on_this_machine_goes_on(kind: str, small: Path) -> None:
    """Damage in the store does not reach who reads the brief or searches."""
    before = rlm("show")
    flip(small / "store" / keys_of(kind)[0])
    assert rlm("show") == before
    assert rlm("search", "sqlite").code == 0


@pytest.mark.parametrize("hurt", HURTS, ids=["flipped", "cut", "gone"])
def test_damaged_memo_costs_work_and_nothing_else(hurt: Callable[[Path], None], small: Path) -> None:
    """All of it damaged, and sessions more: doctor and the compile name the command that makes it again."""
    for path in list((small / "store" / "memo").rglob("*")):
        if path.is_file():
            hurt(path)
    assert rlm("compile").code == 0
    assert "damaged or missing: memo/" in rlm("doctor").out
    result = rlm("compile", "--source", MIRA.parent / "jonas", "--project", "shop")
    assert result.code in (0, 1)
    assert "rlm-context compile --full" in result.err if result.code else True
    assert rlm(*FULL).code == 0
    assert rlm("doctor").code == 0
    assert len(rlm("sessions", "--json").document["sessions"]) == 7


@pytest.mark.parametrize("hurt", [cut, Path.unlink], ids=["cut", "gone"])
def test_a_lost_store_json_is_not_made_up(hurt: Callable[[Path], None], small: Path) -> None:
    """It may have held what a team fixed: the line gives the command, and that mends it."""
    info = small / "store" / "store.json"
    hurt(info)
    for command in (["compile"], ["status"], ["show"]):
        assert_one_line(rlm(*command), "store.json", "echo '")
    assert "store.json" in rlm("doctor").out
    info.write_text('{"format":1}\n')
    assert rlm("compile").code == rlm("doctor").code == 0


@pytest.mark.parametrize("name", ["sessions.jsonl", "root.json", "brief.md", "index/meta.json"])
def test_a_damaged_copy_is_named_and_can_be_removed(name: str, small: Path) -> None:
    """The copies in the home are only copies: doctor says so, and without them they are made again."""
    (copy,) = (small / "cache" / "projects" / "shop").glob("0000000001-*")
    (copy / name).write_bytes(b"\xff")
    for command in (["show"], ["search", "sqlite"], ["sessions"]):
        result = rlm(*command)
        if result.code:
            assert_one_line(result, "rlm-context doctor")
    doctor = rlm("doctor")
    assert doctor.code == 1
    assert f"→ rm -r {small}/cache/projects" in doctor.out
    shutil.rmtree(small / "cache" / "projects")
    assert rlm("doctor").code == rlm("show").code == rlm("search", "sqlite").code == 0


def test_status_names_a_generation_that_is_not_whole(small: Path) -> None:
    """A damaged newest one, while the one before is shown."""
    first = rlm("show").out
    assert rlm(*AGAIN).code == 0
    flip(small / "store" / keys_of("manifest")[0])
    shutil.rmtree(small / "cache" / "projects")
    assert rlm("show").out == first
    out = rlm("status").out
    assert "shop: damaged: gen/shop/0000000002-" in out
    assert "Next: rlm-context compile --project shop --full" in out
    assert rlm(*FULL).code == 0
    assert "damaged" not in rlm("status").out
