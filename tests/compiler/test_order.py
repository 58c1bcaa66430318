"""Which state of a session counts, and that every session is reached, whoever uploads and publishes when."""

import json
import os
import time
from pathlib import Path

import msgspec
import pytest

from compiler.local_copy import refresh
from compiler.order import ordered
from compiler.plan import plan
from compiler.runtime import Runtime, open_runtime
from compiler.uploading.seen import Seen
from compiler.uploading.upload import upload
from data_models.records import BlobRef, CatalogEntry, Receipt
from store.generations import newest, publish, write_part
from store.receipts import write_receipt
from tests.compiler.conftest import Compile
from tests.synthetic import write_team


def _sessions(runtime: Runtime) -> dict[str, CatalogEntry]:
    copy = refresh(runtime, "shop")
    assert copy is not None
    return {entry.session_id: entry for entry in copy.sessions()}


def _receipt(**more: object) -> Receipt:
    receipt = Receipt(
        session_id="s",
        agent="claude-code",
        author="ann",
        project="shop",
        event_ms=1_767_603_600_000,
        slim=BlobRef("0" * 64, 1),
        raw_bytes=10,
        records=3,
    )
    return msgspec.structs.replace(receipt, **more)


def test_what_is_appended_without_a_time_is_seen(team: Path, runtime: Runtime, compile_team: Compile) -> None:
    """A title bears no time: the state with it has the time of the one before, and still replaces it."""
    compile_team(team)
    for path in team.rglob("*.jsonl"):
        with path.open("a") as file:
            file.write(
                json.dumps({"type": "summary", "summary": f"About {path.stem}", "leafUuid": "x"}) + "\n"
            )
    compile_team(team)
    titles = {session: entry.title for session, entry in _sessions(runtime).items()}
    assert titles == {session: f"About {session}" for session in titles}


def test_a_new_redaction_rule_replaces_what_was_stored(
    team: Path, runtime: Runtime, compile_team: Compile, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The same files under another rule are other states of the same time; the later one counts everywhere."""
    compile_team(team)
    before = {session: entry.slim for session, entry in _sessions(runtime).items()}
    monkeypatch.setenv("RLM_CONTEXT_REDACTION__RULES", '{"ours": "twice"}')
    stricter = open_runtime()
    upload(stricter, [team], project="shop")
    compile_team(team)
    after = {session: entry.slim for session, entry in _sessions(runtime).items()}
    assert not before.items() & after.items()


def test_order_of_states(runtime: Runtime) -> None:
    """Later at the same time: behind. Known, older by time, or with fewer records: where it is."""
    store, first = runtime.store, _receipt()
    assert ordered(store, first) == first
    write_receipt(store, first)
    second = ordered(store, _receipt(slim=BlobRef("1" * 64, 1)))
    assert second.event_ms == first.event_ms + 1
    write_receipt(store, second)
    assert ordered(store, first) == first
    assert ordered(store, _receipt(slim=second.slim)) == second
    assert ordered(store, _receipt(slim=BlobRef("2" * 64, 1), raw_bytes=9)).event_ms == first.event_ms + 2
    for older in (_receipt(records=2, slim=BlobRef("3" * 64, 1)), _receipt(event_ms=5)):
        assert ordered(store, older) == older


def test_what_only_a_sibling_holds_is_compiled_though_nothing_was_uploaded(
    team: Path, runtime: Runtime, compile_team: Compile
) -> None:
    """Readers see one of two siblings; the next compile brings what the other one holds."""
    compile_team(team)
    generation = newest(runtime.store, "shop")
    assert generation is not None
    entries = list(runtime.catalog([generation.manifest]).values())
    part = write_part(runtime.store, entries[:-1])
    sibling = msgspec.structs.replace(generation.manifest, nonce="00000000", parts=(part,))
    publish(runtime.store, sibling)
    assert len(_sessions(runtime)) == 11
    report = compile_team(team)
    assert report.sessions.new == 1
    assert len(_sessions(runtime)) == 12
    assert not plan(runtime, "shop").new


@pytest.mark.parametrize(
    "time",
    [
        "9999-12-31T23:59:59-14:00",
        "9999-12-31T23:59:59.9999Z",
        "0001-01-01T00:00:00+14:00",
        "1969-07-20T20:17:00Z",
    ],
)
def test_impossible_times_are_no_times(
    time: str, runtime: Runtime, compile_team: Compile, tmp_path: Path
) -> None:
    """A record may bear any time: one that no calendar holds stops nothing; the file's own time counts."""
    source = write_team(tmp_path / "one", 1)
    path = next(source.rglob("*.jsonl"))
    records = [json.loads(line) | {"timestamp": time} for line in path.read_text().splitlines()]
    path.write_text("".join(json.dumps(record) + "\n" for record in records))
    os.utime(path, (1_767_603_600, 1_767_603_600))
    compile_team(source)
    assert [entry.started for entry in _sessions(runtime).values()] == [1_767_603_600_000]


def test_what_was_uploaded_is_noted_in_few_writes(
    runtime: Runtime, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The cache of uploads is written whole: not once a batch, and it holds every upload in the end."""
    saved: list[int] = []
    save = Seen.save
    monkeypatch.setattr(Seen, "save", lambda self: (saved.append(1), save(self))[1])
    source = write_team(tmp_path / "many", 160, turns=1)
    assert len(upload(runtime, [source], project="shop").new) == 160
    assert len(saved) < 10
    again = upload(runtime, [source], project="shop")
    assert (again.unchanged, again.new) == (160, [])


def test_a_clock_that_was_a_day_ahead(runtime: Runtime, monkeypatch: pytest.MonkeyPatch) -> None:
    """A state dated tomorrow does not hide what came after it; a past one with fewer records stays the newest."""
    day, now = 86_400_000, _receipt().event_ms
    monkeypatch.setattr("compiler.order.time.time", lambda: now / 1000)
    ahead = _receipt(event_ms=now + day)
    write_receipt(runtime.store, ahead)
    longer = _receipt(slim=BlobRef("1" * 64, 1), records=4)
    moved = ordered(runtime.store, longer)
    assert moved.event_ms == now + day + 1
    write_receipt(runtime.store, moved)
    assert ordered(runtime.store, longer) == moved
    shorter = _receipt(slim=BlobRef("2" * 64, 1), records=2)
    assert ordered(runtime.store, shorter) == shorter
    monkeypatch.setattr("compiler.order.time.time", lambda: now / 1000 + 2 * 86_400)
    restored = _receipt(slim=BlobRef("3" * 64, 1), records=9)
    assert ordered(runtime.store, restored) == restored


def test_generations_have_no_clock(
    team: Path, compile_team: Compile, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Published by a machine whose clock is a day behind, the later generation is the one that is read."""
    compile_team(team)
    real = time.time
    monkeypatch.setattr(time, "time", lambda: real() - 86_400)
    compile_team(write_team(team, 13))
    generation = newest(open_runtime().store, "shop")
    assert generation is not None
    assert (generation.manifest.number, generation.manifest.created < (real() - 86_000) * 1000) == (2, True)
    assert len(_sessions(open_runtime())) == 13
