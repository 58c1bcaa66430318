"""A compile's share of a nightly that does not come: when, how much, and what is noted of it."""

import asyncio
from pathlib import Path
from types import SimpleNamespace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from compiler.maintenance import garbage, overdue
from compiler.maintenance.nightly import NOTE, Note, now_ms
from compiler.maintenance.overdue import DAY_MS, LATE_MS, Share, do_share, is_overdue, read_share
from compiler.pipeline import compile_project
from compiler.report import ProjectReport
from compiler.runs import recorded
from compiler.runtime import Runtime, open_runtime
from compiler.steps import DirectSteps
from compiler.turn import compile_lease
from compiler.uploading.upload import upload
from data_models.errors import StoreError
from store.codec import encode
from store.keys import run_key
from store.leases import acquire
from store.receipts import projects
from tests.synthetic import write_team

PROJECT = "acme/tide"


@pytest.fixture
def runtime(home: Path, tmp_path: Path) -> Runtime:
    """A store on this machine with one generation."""
    made = open_runtime()
    upload(made, [write_team(tmp_path / "sources", 3)], project=PROJECT)
    asyncio.run(compile_project(made, PROJECT, DirectSteps(made)))
    return made


def night(runtime: Runtime, ago_ms: int) -> None:
    """A night that ended so long ago."""
    runtime.store.put(NOTE, encode(Note(ended=now_ms() - ago_ms)))


def ran(runtime: Runtime, ago_ms: int) -> None:
    """A run of the project that began so long ago."""
    runtime.store.put(run_key(PROJECT, f"{now_ms() - ago_ms:013d}-{ago_ms % 0xFFFFFFFF:08x}"), b"{}")


def files(runtime: Runtime) -> list[str]:
    return [
        key for key in runtime.store.keys("") if key.partition("/")[0] in ("blobs", "gen", "inbox", "memo")
    ]


def test_a_night_on_time_leaves_nothing_to_do(runtime: Runtime) -> None:
    """Up to a day late, the nightly is waited for."""
    ran(runtime, 90 * DAY_MS)
    night(runtime, LATE_MS - 60_000)
    assert not is_overdue(runtime, PROJECT)
    night(runtime, LATE_MS + 60_000)
    assert is_overdue(runtime, PROJECT)


def test_where_there_never_was_a_night_the_first_run_counts(runtime: Runtime) -> None:
    """A new store has nothing to look after; one that is used for days has."""
    assert not is_overdue(runtime, PROJECT)
    ran(runtime, DAY_MS)
    assert not is_overdue(runtime, PROJECT)
    ran(runtime, 3 * DAY_MS)
    assert is_overdue(runtime, PROJECT)


def test_a_share_is_not_repeated_the_same_day(runtime: Runtime) -> None:
    """Noted before it begins, so one that is killed is not repeated either; the next day another is due."""
    night(runtime, 9 * DAY_MS)
    share = do_share(runtime)
    assert (share.looked, share.damaged, share.failed) == (len(files(runtime)), [], "")
    assert read_share(runtime) == share
    assert not is_overdue(runtime, PROJECT)
    runtime.store.put(overdue.NOTE, encode(Share(begun=now_ms() - DAY_MS - 1)))
    assert is_overdue(runtime, PROJECT)


def test_the_next_share_goes_on_where_time_was_up(runtime: Runtime, monkeypatch: pytest.MonkeyPatch) -> None:
    """With time for one object at a time, every object is looked at once before any is again."""
    expected, seen = files(runtime), []
    monkeypatch.setattr(overdue, "_look_for_garbage", lambda *_: None)
    for _ in expected:
        ticks = iter([0.0, 0.0])
        with monkeypatch.context() as patch:
            patch.setattr(overdue, "time", SimpleNamespace(monotonic=lambda ticks=ticks: next(ticks, 99.0)))
            share = do_share(runtime, 1.0)
        assert share.looked == 1
        seen.append(share.after)
    assert seen == [*sorted(expected)[:-1], ""], "the last one ends the round"
    assert do_share(runtime, -1.0).looked == 0


@given(
    after=st.sampled_from(
        ["", "blobs", "blobs/sha256/00/x", "blobs/sha256/7f", "gen/a", "inbox/z", "memo/z", "zz"]
    )
)
def test_a_slice_is_the_keys_behind_another(after: str) -> None:
    """Whatever key it ended at, also one that is gone: all keys behind it, in order."""
    keys = sorted(
        [
            "blobs/sha256/00/00a",
            "blobs/sha256/7f/7fa",
            "blobs/sha256/ff/ffa",
            "gen/p/1",
            "inbox/p/2",
            "memo/s/3",
        ]
    )

    class Listed:
        def keys(self, folder: str) -> list[str]:
            return [key for key in keys if key.startswith(f"{folder}/")]

    assert list(overdue._keys_after(Listed(), after)) == [key for key in keys if key > after]  # type: ignore[arg-type]


def test_damage_is_named_until_it_is_mended(runtime: Runtime, home: Path) -> None:
    """Also by shares after the one that found it; an object that is gone or whole again is no damage."""
    key = next(key for key in runtime.store.keys("blobs"))
    path = Path(runtime.store.url) / key
    whole = path.read_bytes()
    path.chmod(0o600)
    path.write_bytes(b"damaged")
    assert do_share(runtime).damaged == [key]
    assert do_share(runtime, -1.0).damaged == [key]
    path.write_bytes(whole)
    assert do_share(runtime, -1.0).damaged == []


def test_garbage_is_noted_and_old_runs_go(runtime: Runtime) -> None:
    """What an ordinary night does with both."""
    runtime.store.put("blobs/sha256/ab/" + "ab" * 32, b"nobody's")
    for number in range(60):
        ran(runtime, 100 * DAY_MS + number)
    assert do_share(runtime).runs_removed == 10
    assert ("ab" * 32).encode() in runtime.store.get(garbage.NOTE)


def test_nothing_is_collected_while_somebody_compiles(runtime: Runtime) -> None:
    """The rest of the share is done all the same."""
    (name,) = projects(runtime.store)
    lease = acquire(runtime.store, compile_lease(name), 60)
    assert lease is not None
    share = do_share(runtime)
    lease.release()
    assert (share.failed, share.looked > 0) == ("", True)
    assert runtime.store.size(garbage.NOTE) is None


def test_a_failure_is_noted(runtime: Runtime, monkeypatch: pytest.MonkeyPatch) -> None:
    """It is what `status` then says, and no exception."""

    def fail(*_: object, **__: object) -> None:
        raise StoreError("out of reach")

    monkeypatch.setattr(overdue, "collect", fail)
    assert do_share(runtime).failed == "out of reach"
    noted = read_share(runtime)
    assert noted is not None
    assert noted.failed == "out of reach"


def test_a_note_that_cannot_be_read_is_none(runtime: Runtime) -> None:
    """Notes are hints: a damaged one costs a share more."""
    runtime.store.put(overdue.NOTE, b"{")
    assert read_share(runtime) is None
    assert do_share(runtime).failed == ""


async def _nothing() -> ProjectReport:
    return ProjectReport(project=PROJECT)


def test_real_records_of_runs_are_dated(runtime: Runtime) -> None:
    """The ids that runs really get begin with their time."""
    asyncio.run(recorded(runtime, PROJECT, "command line", _nothing))
    assert abs(overdue._first_run(runtime, PROJECT, 0) - now_ms()) < 3_600_000
