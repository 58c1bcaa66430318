"""What must hold over every kind of store: faults, kills, many writers at once, garbage.

`python -m tests.store.table` runs this and the contracts, and prints the table of docs/store.md.
"""

import hashlib
import os
import random
import signal
import threading
from multiprocessing.connection import Connection

import pytest

from data_models.errors import StoreError
from store.generations import Generation, heads, newest, read_catalog
from store.protocol import Store
from store.receipts import receipt_keys
from store.spool import Spool
from tests.store.forked import FORKED
from tests.store.places import FAULTS, KINDS, Bad, Faulty, Kind, Place
from tests.store.samples import PROJECT, compile_like, make_receipt, slim_of
from tests.store.test_faults import until_done
from tests.store.test_garbage import check_readers, garbage

SHARED: tuple[Kind, ...] = ("local", "s3", "modal")
"""What processes can share: memory cannot."""

WRITERS, PROJECTS, PROCESSES = 24, 8, 4


@pytest.mark.slow
@pytest.mark.parametrize("fault", FAULTS)
@pytest.mark.parametrize("kind", KINDS)
def test_no_upload_is_lost(kind: Kind, fault: Bad, faulty: Faulty, place: Place) -> None:
    """While calls are refused, unanswered, cut off or slow: what was spooled is in the chain in the end, once."""
    spool = Spool(place.folder / "spool")
    sessions = {f"s{index}" for index in range(3)}
    for session in sorted(sessions):
        spool.add(make_receipt(session), slim_of(session), faulty.store.url)
    keys = until_done(spool.flush, faulty.store)
    until_done(compile_like, faulty.store)
    faulty.end()
    store = place.open()
    assert keys == receipt_keys(store, PROJECT)
    assert set(sessions_of(store, newest(store, PROJECT))) == sessions
    assert spool.acknowledge(store) == len(sessions)
    for generation in heads(store, PROJECT):
        assert generation.damaged == ()


def sessions_of(store: Store, generation: Generation | None) -> list[str]:
    """The sessions of a generation."""
    assert generation is not None
    return [session for _, session in read_catalog(store, [generation.manifest])]


def write_objects(place: Place, seed: int, told: Connection) -> None:
    """Write objects named after their content for ever; tell the keys of each batch once its put returned."""
    sizes = random.Random(seed)
    store = place.open()
    told.send([])
    while True:
        batch = [os.urandom(sizes.choice([1, 5_000, 90_000])) for _ in range(sizes.randrange(1, 4))]
        keys = [f"gen/{data[0]:02x}/{hashlib.sha256(data).hexdigest()}" for data in batch]
        store.put_many(zip(keys, batch, strict=True))
        told.send(keys)


def check_objects(store: Store) -> set[str]:
    """The keys of a store of `write_objects`, each of which is whole."""
    keys = set(store.keys("gen"))
    for key in keys:
        assert hashlib.sha256(store.get(key)).hexdigest() == key.rsplit("/", 1)[1]
    return keys


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(2))
@pytest.mark.parametrize("kind", SHARED)
def test_killed_writers_leave_whole_objects(kind: Kind, seed: int, place: Place) -> None:
    """kill -9 at random points, three in a row: what was acknowledged is there, and nothing is torn."""
    points = random.Random(seed)
    store = place.open()
    acknowledged: set[str] = set()
    for kill in range(3):
        receiver, sender = FORKED.Pipe(duplex=False)
        process = FORKED.Process(target=write_objects, args=(place, seed * 10 + kill, sender))
        process.start()
        sender.close()
        told = [receiver.recv() for _ in range(1 + points.randrange(6))]
        process.join(points.random() * 0.03)  # so that the kill meets any moment of the next put
        os.kill(process.pid or 0, signal.SIGKILL)
        process.join(20)
        try:
            while receiver.poll(1):
                told.append(receiver.recv())
        except EOFError:
            pass
        receiver.close()
        acknowledged.update(key for keys in told for key in keys)
        assert check_objects(store) >= acknowledged


def project(number: int) -> str:
    return f"github.com/acme/p{number}"


def write_as(place: Place, writers: list[int]) -> None:
    """Each writer, a thread of its own: spool a session, flush it, publish a generation, all at once."""
    store = place.open()

    def write(writer: int) -> None:
        spool = Spool(place.folder / f"spool-{writer}")
        receipt = make_receipt(f"s{writer}", author=f"author-{writer}", project=project(writer % PROJECTS))
        spool.add(receipt, slim_of(f"s{writer}"), store.url)
        spool.flush(store)
        compile_like(store, receipt.project)
        done.append(writer)

    done: list[int] = []
    threads = [threading.Thread(target=write, args=(writer,)) for writer in writers]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    if sorted(done) != sorted(writers):
        raise SystemExit(1)


@pytest.mark.slow
@pytest.mark.parametrize("kind", KINDS)
def test_many_writers_at_once(kind: Kind, place: Place) -> None:
    """24 writers, 8 projects, 4 processes: whole generations at any moment, every receipt in the chain at the end."""
    store = place.open()
    shares = [list(range(WRITERS))[share::PROCESSES] for share in range(PROCESSES)]
    if kind == "memory":
        processes = [threading.Thread(target=write_as, args=(place, share)) for share in shares]
    else:
        processes = [FORKED.Process(target=write_as, args=(place, share)) for share in shares]  # type: ignore[misc]  # used like threads
    for process in processes:
        process.start()
    while any(process.is_alive() for process in processes):
        for number in range(PROJECTS):
            generation = newest(store, project(number))
            assert generation is None or sessions_of(store, generation)
    for process in processes:
        process.join()
        assert getattr(process, "exitcode", 0) == 0
    for number in range(PROJECTS):
        siblings = {generation.key for generation in heads(store, project(number))}
        key = compile_like(store, project(number))
        generation = newest(store, project(number))
        assert generation is not None
        assert (generation.key, set(generation.manifest.parents)) == (key, siblings)
        held = read_catalog(store, [generation.manifest])
        assert {entry.receipt for entry in held.values()} == set(receipt_keys(store, project(number)))
        assert len(held) == WRITERS // PROJECTS
    assert (
        sum(Spool(place.folder / f"spool-{writer}").acknowledge(store) for writer in range(WRITERS))
        == WRITERS
    )


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("seed", range(3))
def test_readers_stand(kind: Kind, seed: int, place: Place) -> None:
    """Garbage under every kind of key: every reader answers, and what is sound is found."""
    check_readers(place.open(), Spool(place.folder / "spool"), garbage(seed))


@pytest.mark.parametrize("kind", SHARED)
def test_two_machines_of_one_author(kind: Kind, place: Place) -> None:
    """Two spools under one name, one session uploaded from both at different states: the newer one counts."""
    store = place.open()
    for machine, event_ms in (("desk", 1), ("travel", 2)):
        spool = Spool(place.folder / machine)
        spool.add(make_receipt("same", event_ms), slim_of("same", event_ms), store.url)
        spool.flush(store)
    compile_like(store)
    generation = newest(store, PROJECT)
    assert generation is not None
    (entry,) = read_catalog(store, [generation.manifest]).values()
    assert entry.slim == make_receipt("same", 2).slim
    assert [Spool(place.folder / machine).acknowledge(store) for machine in ("desk", "travel")] == [1, 1]


@pytest.mark.parametrize("kind", KINDS)
def test_an_error_is_ours(kind: Kind, place: Place) -> None:
    """A malformed key is refused before anything is sent."""
    with pytest.raises(StoreError):
        place.open().get("a/../b")
