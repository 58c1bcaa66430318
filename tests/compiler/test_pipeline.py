"""The compile as a whole: what is new is done, what is known is not, and nothing is lost."""

import asyncio
import json
from datetime import UTC, datetime
from pathlib import Path

import msgspec
import pytest

from compiler.local_copy import Copy, refresh
from compiler.pipeline import compile_project
from compiler.plan import plan
from compiler.runtime import Runtime, open_runtime
from compiler.steps import DirectSteps
from compiler.uploading.upload import upload
from data_models.errors import SourceError
from search.filters import Filters
from search.query import search
from store.generations import heads, newest, publish
from store.receipts import read_receipt, receipt_keys
from tests.compiler.conftest import Compile
from tests.synthetic import session_records, write_session, write_team


def _copy(runtime: Runtime) -> Copy:
    copy = refresh(runtime, "shop")
    assert copy is not None
    return copy


def _grow(team: Path, turns: int) -> Path:
    """Write turns to the end of one session, as a resumed session does."""
    path = sorted(team.rglob("*.jsonl"))[0]
    before = path.read_text()
    start = datetime(2026, 2, 1, tzinfo=UTC)
    more = session_records(path.stem, start, turns, seed=999)
    path.write_text(before + "".join(json.dumps(record) + "\n" for record in more))
    return path


def test_every_session_is_in_the_generation(team: Path, runtime: Runtime, compile_team: Compile) -> None:
    """All sessions found are compiled, under their folders' authors."""
    report = compile_team(team)
    entries = _copy(runtime).sessions()
    assert {entry.session_id for entry in entries} == {path.stem for path in team.rglob("*.jsonl")}
    assert {entry.author for entry in entries} == {"ann", "ben", "cleo"}
    assert report.sessions.new == report.nodes.digest.new == 12


def test_nothing_new_does_nothing(team: Path, runtime: Runtime, compile_team: Compile) -> None:
    """The same again runs no step, writes no byte and leaves the generation."""
    compile_team(team)
    before = _copy(runtime).generation
    report = compile_team(team)
    assert report.sessions.new == report.chunks.new == report.nodes.digest.new == report.nodes.rollup.new == 0
    assert report.bytes_written == 0
    assert _copy(runtime).generation == before


def test_an_appended_and_an_added_session_cost_their_own_path(
    team: Path, runtime: Runtime, compile_team: Compile
) -> None:
    """One session grown and one added: two digests and the rollups above them, and bytes in proportion."""
    first = compile_team(team)
    _grow(team, 2)
    added = team / "ann" / "projects" / "-src-shop" / "0b0b0b0b-0000-4000-8000-00000000000b.jsonl"
    write_session(added, session_id=added.stem, start=datetime(2026, 1, 6, tzinfo=UTC), turns=3, seed=77)
    report = compile_team(team)
    assert report.sessions.new == report.nodes.digest.new == 2
    assert report.nodes.rollup.new <= 4
    assert report.bytes_written < first.bytes_written / 2
    assert len(_copy(runtime).sessions()) == 13


def test_a_resumed_session_is_searched_in_its_new_state_only(
    team: Path, runtime: Runtime, compile_team: Compile
) -> None:
    """A session uploaded again stands in two segments, and gives each hit once."""
    compile_team(team)
    path = _grow(team, 1)
    compile_team(team)
    copy = _copy(runtime)
    assert len(copy.manifest().segments) == 2
    hits = search([copy.index], "module job stays below", Filters(), 200)
    mine = [(hit.from_seq, hit.snippet) for hit in hits if hit.session_id == path.stem]
    assert len(mine) == len(set(mine))
    added = {event["message"]["content"] for event in map(json.loads, path.read_text().splitlines()[-5:-4])}
    words = next(iter(added)).split(" so that ")[1]
    assert any(hit.session_id == path.stem for hit in search([copy.index], words, Filters(), 20))


def test_full_makes_everything_anew_and_comes_to_the_same(
    team: Path, runtime: Runtime, compile_team: Compile
) -> None:
    """--full gives the same brief, the same events and one segment."""
    compile_team(team)
    _grow(team, 1)
    compile_team(team)
    before = _copy(runtime)
    report = compile_team(team, full=True)
    after = _copy(runtime)
    assert report.sessions.new == 12
    assert after.generation != before.generation
    assert after.read("brief.md") == before.read("brief.md")
    assert {e.parquet for e in after.sessions()} == {e.parquet for e in before.sessions()}
    assert len(after.manifest().segments) == 1


def test_the_order_of_uploads_changes_nothing(
    runtime: Runtime, compile_team: Compile, monkeypatch: pytest.MonkeyPatch, home: Path, tmp_path: Path
) -> None:
    """Bit by bit or all at once: the same brief and full text."""
    for sessions in (1, 5, 12):
        team = write_team(tmp_path / "team", sessions)
        compile_team(team)
    in_parts = _copy(runtime)
    monkeypatch.setenv("RLM_CONTEXT_HOME", str(home / "other"))
    other = open_runtime()
    upload(other, [team], project="shop")
    asyncio.run(compile_project(other, "shop", DirectSteps(other)))
    at_once = _copy(other)
    assert in_parts.read("brief.md") == at_once.read("brief.md")
    assert in_parts.read("full.md") == at_once.read("full.md")


def test_siblings_are_united(team: Path, runtime: Runtime, compile_team: Compile) -> None:
    """Two generations published at once are the parents of the next, which holds the sessions of both."""
    source = sorted(team.iterdir())
    upload(runtime, source[:1], project="shop")
    plan_before = plan(runtime, "shop")
    asyncio.run(compile_project(runtime, "shop", DirectSteps(runtime)))
    first = newest(runtime.store, "shop")
    assert first is not None
    assert plan_before.number == first.manifest.number
    # The same number again, by a writer that did not see the first: all it holds is the other sessions.
    empty = msgspec.structs.replace(first.manifest, nonce="00000000", parts=(), segments=())
    publish(runtime.store, empty)
    assert len(heads(runtime.store, "shop")) == 2
    upload(runtime, source[1:2], project="shop")
    asyncio.run(compile_project(runtime, "shop", DirectSteps(runtime)))
    copy = _copy(runtime)
    assert len(copy.manifest().parents) == 2
    assert len(copy.sessions()) == len(list(source[0].rglob("*.jsonl")) + list(source[1].rglob("*.jsonl")))
    for entry in copy.sessions():
        hits = search([copy.index], "slow because it reads", Filters(author=entry.author), 100)
        assert entry.session_id in {hit.session_id for hit in hits}


def test_a_source_without_sessions_is_an_error(
    runtime: Runtime, compile_team: Compile, tmp_path: Path
) -> None:
    """An empty or missing source names what to do next."""
    empty = tmp_path / "empty"
    empty.mkdir()
    for source in (empty, tmp_path / "missing"):
        with pytest.raises(SourceError) as caught:
            compile_team(source)
        assert caught.value.next_command


def _damage(runtime: Runtime, key: str) -> None:
    path = runtime.store.local_path(key)
    assert path is not None
    path.write_bytes(b"damaged")


def test_a_damaged_upload_is_left_out_and_named(team: Path, runtime: Runtime, compile_team: Compile) -> None:
    """The other sessions are compiled, and the report says which upload cannot be read."""
    upload(runtime, [team], project="shop")
    key = receipt_keys(runtime.store, "shop")[0]
    _damage(runtime, read_receipt(runtime.store, key).slim.key)
    report = asyncio.run(compile_project(runtime, "shop", DirectSteps(runtime)))
    assert len(_copy(runtime).sessions()) == 11
    assert len(report.degraded) == 1
    assert report.degraded[0].endswith("left out")


def test_what_was_read_before_an_upload_was_damaged_stays(
    team: Path, runtime: Runtime, compile_team: Compile
) -> None:
    """Made anew without its upload, a session keeps the events that an earlier generation has of it."""
    compile_team(team)
    before = _copy(runtime)
    _damage(runtime, before.sessions()[0].slim.key)
    report = asyncio.run(compile_project(runtime, "shop", DirectSteps(runtime), full=True))
    after = _copy(runtime)
    assert len(after.sessions()) == 12
    assert after.read("brief.md") == before.read("brief.md")
    assert len(report.degraded) == 1


def test_a_damaged_newer_upload_takes_no_older_state_away(
    team: Path, runtime: Runtime, compile_team: Compile
) -> None:
    """Made anew without the newer upload, a session keeps the state that the last generation has of it."""
    compile_team(team)
    before = {entry.session_id: entry.receipt for entry in _copy(runtime).sessions()}
    _grow(team, 1)
    (key,) = upload(runtime, [team], project="shop").new
    _damage(runtime, read_receipt(runtime.store, key).slim.key)
    for full in (False, True, False):
        report = asyncio.run(compile_project(runtime, "shop", DirectSteps(runtime), full=full))
        assert {entry.session_id: entry.receipt for entry in _copy(runtime).sessions()} == before
        assert len(report.degraded) == 1


def test_lost_memo_is_made_again(team: Path, runtime: Runtime, compile_team: Compile) -> None:
    """With all of memo gone, one more session still compiles, and to the same as from nothing."""
    compile_team(team)
    for key in list(runtime.store.keys("memo")):
        runtime.store.delete(key)
    _grow(team, 1)
    compile_team(team)
    in_parts = _copy(runtime).read("brief.md")
    compile_team(team, full=True)
    assert _copy(runtime).read("brief.md") == in_parts
