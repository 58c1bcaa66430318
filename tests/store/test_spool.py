"""The spool keeps every upload until the newest generation holds it."""

import os
import stat
from pathlib import Path

import msgspec
import pytest

from store.blobs import blob_ref, get_blob
from store.memory import MemoryStore
from store.receipts import read_receipt, receipt_keys
from store.registry import open_store
from store.spool import Spool
from tests.store.faulty import FaultyStore
from tests.store.samples import PROJECT, compile_like, make_receipt, slim_of


@pytest.fixture
def spool(tmp_path: Path) -> Spool:
    return Spool(tmp_path / "spool")


def jobs_in(tmp_path: Path) -> list[Path]:
    return sorted((tmp_path / "spool" / "pending").iterdir())


def add(spool: Spool, session: str, event_ms: int = 1, url: str = "memory://") -> str:
    return spool.add(make_receipt(session, event_ms), slim_of(session, event_ms), url)


def test_an_upload_reaches_the_store(spool: Spool) -> None:
    """What was added is in the store after a flush, blob and receipt; the spool keeps it all the same."""
    store = MemoryStore()
    key = add(spool, "s")
    assert spool.flush(store) == [key]
    receipt = read_receipt(store, key)
    assert receipt == make_receipt("s")
    assert get_blob(store, receipt.slim) == slim_of("s")
    assert [job.key for job in spool.pending()] == [key]


def test_blobs_may_hold_line_feeds(spool: Spool) -> None:
    """The blob's bytes are arbitrary."""
    store = MemoryStore()
    slim = b"\n{}\n\n\0\r\n"
    receipt = msgspec.structs.replace(make_receipt("s"), slim=blob_ref(slim))
    spool.add(receipt, slim, store.url)
    spool.flush(store)
    assert get_blob(store, receipt.slim) == slim


def test_adding_and_flushing_again(spool: Spool) -> None:
    """The same upload twice is one job; flushing again writes nothing."""
    store = FaultyStore(MemoryStore())
    assert add(spool, "s") == add(spool, "s")
    assert len(spool.pending()) == 1
    spool.flush(store)
    written = store.written
    assert spool.flush(store) == receipt_keys(store, PROJECT)
    assert store.written == written


def test_an_upload_stays_until_it_is_compiled(spool: Spool) -> None:
    """Acknowledged only once the newest generation holds the receipt."""
    store = MemoryStore()
    add(spool, "s")
    assert spool.acknowledge(store) == 0
    spool.flush(store)
    assert spool.acknowledge(store) == 0
    compile_like(store)
    add(spool, "later")
    spool.flush(store)
    assert spool.acknowledge(store) == 1
    assert [job.receipt.session_id for job in spool.pending()] == ["later"]


def test_what_a_generation_of_others_holds_waits_no_more(spool: Spool) -> None:
    """Known by looking, before anybody acknowledged it; what is meant for another store is not counted."""
    store = MemoryStore()
    add(spool, "s")
    spool.flush(store)
    assert [job.receipt.session_id for job in spool.waiting(store)] == ["s"]
    compile_like(store)
    add(spool, "elsewhere", url="other://")
    assert spool.waiting(store) == []
    assert len(spool.pending()) == 2


def test_an_older_state_needs_no_copy_once_a_newer_is_compiled(spool: Spool) -> None:
    """Two states of a session before one compile: both leave the spool, both stay in the store."""
    store = MemoryStore()
    for event_ms in (1, 2):
        add(spool, "s", event_ms)
    spool.flush(store)
    compile_like(store)
    add(spool, "s", 3)
    assert spool.acknowledge(store) == 2
    assert [job.receipt.event_ms for job in spool.pending()] == [3]
    assert len(receipt_keys(store, PROJECT)) == 2


@pytest.mark.parametrize("damaged", ["receipt", "blob"])
def test_damage_in_the_store_is_mended_from_the_spool(spool: Spool, tmp_path: Path, damaged: str) -> None:
    """A blob or receipt that rotted in the store is not taken for the upload's second copy."""
    store = open_store(str(tmp_path / "store"))
    key = add(spool, "s", url=store.url)
    spool.flush(store)
    compile_like(store)
    target = {"receipt": key, "blob": make_receipt("s").slim.key}[damaged]
    sound = store.get(target)
    store.put(target, bytes([sound[0] ^ 1]) + sound[1:])
    assert spool.acknowledge(store) == 0
    spool.flush(store)
    assert store.get(target) == sound
    assert spool.acknowledge(store) == 1


def test_a_blob_of_the_right_size_is_mended_elsewhere_too(spool: Spool) -> None:
    """Where a store is elsewhere nobody reads a blob to leave it out; what is found damaged is written again."""
    store = MemoryStore()
    add(spool, "s")
    spool.flush(store)
    compile_like(store)
    key, sound = make_receipt("s").slim.key, slim_of("s")
    store.put(key, bytes([sound[0] ^ 1]) + sound[1:])
    assert spool.acknowledge(store) == 0
    spool.flush(store)
    assert store.get(key) == sound
    assert spool.acknowledge(store) == 1


@pytest.mark.parametrize("lost", ["receipt", "blob", "generation"])
def test_what_the_store_lost_is_written_again(spool: Spool, lost: str) -> None:
    """A store that lost something after the flush gets it again, and nothing is dropped meanwhile."""
    store = MemoryStore()
    key = add(spool, "s")
    spool.flush(store)
    manifest = compile_like(store)
    store.delete({"receipt": key, "blob": make_receipt("s").slim.key, "generation": manifest}[lost])
    assert spool.acknowledge(store) == 0
    spool.flush(store)
    compile_like(store)
    assert spool.acknowledge(store) == 1
    assert get_blob(store, read_receipt(store, key).slim) == slim_of("s")


def test_uploads_go_only_to_the_store_they_are_meant_for(spool: Spool) -> None:
    """After a change of stores, what was meant for one team's is not shown to the other's."""
    mine, theirs = MemoryStore("memory://mine"), MemoryStore("memory://theirs")
    add(spool, "s", url=mine.url)
    assert spool.flush(theirs) == []
    assert list(theirs.keys()) == []
    assert spool.acknowledge(theirs) == 0
    assert len(spool.flush(mine)) == 1


@pytest.mark.parametrize("damage", ["empty", "header", "line", "blob", "cut", "garbage", "renamed"])
def test_a_corrupt_job_is_moved_aside(spool: Spool, tmp_path: Path, damage: str) -> None:
    """A corrupt job is kept in dead/ and counted, the others go on."""
    store = MemoryStore()
    add(spool, "bad")
    (path,) = jobs_in(tmp_path)
    data = path.read_bytes()
    changed = {
        "empty": b"",
        "header": data.replace(b"Ann", b"Bob", 1),
        "line": data.partition(b"\n")[0],
        "blob": data[:-1] + b"!",
        "cut": data[:-10],
        "garbage": os.urandom(500),
        "renamed": data,
    }[damage]
    path.write_bytes(changed)
    if damage == "renamed":
        path.rename(path.with_name("f" * 40 + ".job"))
    good = add(spool, "good")
    assert spool.flush(store) == [good]
    assert spool.dead() == 1
    assert [job.key for job in spool.pending()] == [good]
    (dead,) = (tmp_path / "spool" / "dead").iterdir()
    assert dead.read_bytes() == changed
    assert list(store.keys("inbox")) == [good]


def test_a_receipt_must_name_its_blob(spool: Spool) -> None:
    """Another blob than the receipt names is a mistake of the caller."""
    with pytest.raises(ValueError, match="another blob"):
        spool.add(make_receipt("s"), b"something else", "memory://")
    assert spool.pending() == []


def test_an_empty_spool(spool: Spool, tmp_path: Path) -> None:
    """Nothing was ever added: nothing pending, nothing made."""
    assert spool.pending() == []
    assert spool.dead() == 0
    assert spool.flush(MemoryStore()) == []
    assert spool.acknowledge(MemoryStore()) == 0
    assert not (tmp_path / "spool").exists()


def test_only_the_owner_may_read(spool: Spool, tmp_path: Path) -> None:
    """Jobs are 0600."""
    add(spool, "s")
    assert [stat.S_IMODE(path.stat().st_mode) for path in jobs_in(tmp_path)] == [0o600]
