"""Several processes at once, and processes killed at any moment."""

import hashlib
import os
import random
import signal
from collections.abc import Callable
from multiprocessing.connection import Connection
from multiprocessing.synchronize import Barrier
from pathlib import Path

import pytest

from store.generations import heads, newest, read_catalog
from store.local import LocalStore
from store.receipts import receipt_keys
from store.registry import open_store
from store.spool import Spool
from tests.store.forked import FORKED
from tests.store.samples import PROJECT, compile_like, make_receipt, slim_of


def write_objects(folder: Path, told: Connection) -> None:
    """Write objects named after their content for ever; tell each key once its put returned."""
    store = LocalStore(folder)
    for index in range(1_000_000):
        batch = [os.urandom(1 + (index * 7919) % 200_000) for _ in range(1 + index % 3)]
        keys = [f"blobs/{data[0]:02x}/{hashlib.sha256(data).hexdigest()}" for data in batch]
        store.put_many(zip(keys, batch, strict=True))
        told.send(keys)


def upload_sessions(folder: Path, told: Connection) -> None:
    """Spool uploads, flush, compile and acknowledge for ever; tell each session once the spool took it."""
    store = open_store(str(folder / "store"))
    spool = Spool(folder / "spool")
    for index in range(1_000_000):
        session = f"s{os.getpid()}-{index}"
        spool.add(make_receipt(session), slim_of(session), store.url)
        told.send([session])
        spool.flush(store)
        if index % 3 == 0:
            compile_like(store)
        spool.acknowledge(store)


def read_everything(folder: Path) -> set[str]:
    """The keys of a store of `write_objects`, each of which must be whole."""
    store = LocalStore(folder)
    keys = set(store.keys())
    for key in keys:
        assert hashlib.sha256(store.get(key)).hexdigest() == key.rsplit("/", 1)[1]
    return keys


def run_and_kill(
    target: object, folder: Path, after: int, meanwhile: Callable[[Path], object] = lambda _: None
) -> list[str]:
    """Run `target` until it told `after` things, do something, then kill it; everything it told."""
    receiver, sender = FORKED.Pipe(duplex=False)
    process = FORKED.Process(target=target, args=(folder, sender))  # type: ignore[arg-type]
    process.start()
    sender.close()
    told = [receiver.recv() for _ in range(after)]
    meanwhile(folder)
    os.kill(process.pid or 0, signal.SIGKILL)
    process.join(20)
    try:
        while receiver.poll(1):
            told.append(receiver.recv())
    except EOFError:
        pass
    receiver.close()
    return [thing for things in told for thing in things]


@pytest.mark.parametrize("seed", range(20))
def test_killed_writers_leave_whole_objects(tmp_path: Path, seed: int) -> None:
    """kill -9 at any moment: before and after, every object is whole and every acknowledged one is there."""
    after = random.Random(seed).randrange(1, 25)
    told = run_and_kill(write_objects, tmp_path / "store", after, meanwhile=read_everything)
    assert read_everything(tmp_path / "store") >= set(told)


def test_killed_uploads_are_never_lost(tmp_path: Path) -> None:
    """Ten kills in a row between spool and generation: every spooled session is compiled in the end."""
    random_points = random.Random(7)
    told = [
        session
        for _ in range(10)
        for session in run_and_kill(upload_sessions, tmp_path, random_points.randrange(1, 12))
    ]
    store = open_store(str(tmp_path / "store"))
    spool = Spool(tmp_path / "spool")
    spool.flush(store)
    compile_like(store)
    generation = newest(store, PROJECT)
    assert generation is not None
    assert {session for _, session in read_catalog(store, [generation.manifest])} >= set(told)
    spool.acknowledge(store)
    assert spool.pending() == []
    assert spool.dead() == 0


def publish_sibling(folder: Path, name: str, barrier: Barrier) -> None:
    """Upload two sessions, then publish at the same moment as the others."""
    store = open_store(str(folder / "store"))
    spool = Spool(folder / f"spool-{name}")
    for index in range(2):
        spool.add(make_receipt(f"{name}{index}", author=name), slim_of(f"{name}{index}"), store.url)
    spool.flush(store)
    # Everyone has decided on number and parents before anyone publishes.
    compile_like(store, before_publish=(barrier.wait(60) for _ in range(1)))


def test_siblings_are_united(tmp_path: Path) -> None:
    """Processes that publish one number at once: all stand, and the next compile holds everything of all."""
    names = ["ann", "bob", "cho", "dev"]
    barrier = FORKED.Barrier(len(names))
    processes = [FORKED.Process(target=publish_sibling, args=(tmp_path, name, barrier)) for name in names]
    for process in processes:
        process.start()
    for process in processes:
        process.join(90)
        assert process.exitcode == 0
    store = open_store(str(tmp_path / "store"))
    siblings = heads(store, PROJECT)
    assert len(siblings) == len(names)
    assert {sibling.manifest.number for sibling in siblings} == {1}
    key = compile_like(store)
    generation = newest(store, PROJECT)
    assert generation is not None
    assert generation.key == key
    assert set(generation.manifest.parents) == {sibling.key for sibling in siblings}
    held = {entry.receipt for entry in read_catalog(store, [generation.manifest]).values()}
    assert held == set(receipt_keys(store, PROJECT))
    assert len(held) == 2 * len(names)
    for name in names:
        spool = Spool(tmp_path / f"spool-{name}")
        assert spool.acknowledge(store) == 2
