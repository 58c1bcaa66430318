"""Every kind of store as a place that tests can open, also in processes of their own, and make fail."""

import os
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from itertools import count, cycle
from pathlib import Path
from typing import Literal

import pytest

from store.info import ensure_info
from store.local import LocalStore
from store.memory import MemoryStore
from store.protocol import Store
from tests.modal_emulator.server import Emulator
from tests.store.faulty import FaultyStore
from tests.store.s3_service import BUCKET, Proxy, environment, new_prefix

Kind = Literal["local", "memory", "s3", "modal"]
Bad = Literal["refused", "answer lost", "dropped", "slow"]

KINDS: tuple[Kind, ...] = ("local", "memory", "s3", "modal")
FAULTS: tuple[Bad, ...] = ("refused", "answer lost", "dropped", "slow")

_numbers = count()
_memory: dict[str, MemoryStore] = {}


@dataclass(frozen=True)
class Place:
    """Where a store is: enough to open it in any process."""

    kind: Kind
    address: str
    folder: Path
    env: dict[str, str] = field(default_factory=dict)

    def open(self) -> Store:
        """The store, made if it is not there."""
        os.environ.update(self.env)
        store = self._open()
        ensure_info(store)
        return store

    def _open(self) -> Store:
        if self.kind == "local":
            return LocalStore(Path(self.address))
        if self.kind == "memory":
            return _memory.setdefault(self.address, MemoryStore(self.address))
        if self.kind == "s3":
            from store.s3 import S3Store

            return S3Store(BUCKET, self.address)
        from store.modal import ModalStore

        return ModalStore(self.address, "store")


@dataclass(frozen=True)
class Faulty:
    """The store at a place where calls go wrong, until `end`; slow is slower than the store's deadline."""

    store: Store
    end: Callable[[], object]


@pytest.fixture
def place(
    kind: Kind, tmp_path: Path, request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch
) -> Place:
    """A new, empty place of the kind that the test is asked for."""
    made = _new_place(kind, tmp_path, request)
    for name, value in made.env.items():
        monkeypatch.setenv(name, value)
    return made


def _new_place(kind: Kind, tmp_path: Path, request: pytest.FixtureRequest) -> Place:
    if kind == "s3":
        port = request.getfixturevalue("moto_port")
        return Place(kind, new_prefix(), tmp_path, environment(f"http://127.0.0.1:{port}"))
    if kind == "modal":
        emulator = request.getfixturevalue("modal_emulator")
        return Place(kind, f"volume-{next(_numbers)}", tmp_path, emulator.env)
    address = str(tmp_path / "store") if kind == "local" else f"memory://place-{next(_numbers)}"
    return Place(kind, address, tmp_path)


@pytest.fixture
def faulty(kind: Kind, fault: Bad, place: Place, request: pytest.FixtureRequest) -> Iterator[Faulty]:
    """The place with one kind of fault at many calls (at every fifth write where it is on this machine)."""
    if kind in ("local", "memory"):
        wrapped = {"refused": "refused", "answer lost": "answer lost"}.get(fault, "half of a batch")
        store = FaultyStore(place.open(), cycle([wrapped, *["none"] * 4]))  # type: ignore[list-item]
        yield Faulty(store, lambda: setattr(store, "_plan", iter(())))
    elif kind == "s3":
        yield from _faulty_s3(place, fault, request.getfixturevalue("s3"))
    else:
        yield _faulty_modal(place, fault, request.getfixturevalue("modal_emulator"))


def _faulty_s3(place: Place, fault: Bad, proxy: Proxy) -> Iterator[Faulty]:
    from store.s3 import Deadlines, S3Store

    place.open()
    os.environ.update(environment(proxy.url))
    # Only what is slow has to be given up; then a busy machine is given up too, and asked again.
    waits = Deadlines(idle=0.3, retries=3) if fault == "slow" else Deadlines(retries=1)
    store = S3Store(BUCKET, place.address, waits)
    proxy.methods = frozenset({"GET", "HEAD", "PUT", "DELETE"})
    proxy.plan = cycle([None, fault])
    yield Faulty(store, lambda: setattr(proxy, "plan", iter(())))


def _faulty_modal(place: Place, fault: Bad, emulator: Emulator) -> Faulty:
    from store.modal import PATIENCE, ModalStore

    place.open()
    faults = emulator.faults
    for _ in range(12 if fault != "slow" else 4):
        if fault == "refused":
            faults.refuse("*", skip=2)
        elif fault == "answer lost":
            faults.lose_answer("*", skip=2)
        elif fault == "dropped":
            faults.cut("*", skip=2)
        else:
            faults.slow("*", 4, times=1, skip=9)
    patience = 2 if fault == "slow" else PATIENCE
    return Faulty(ModalStore(place.address, "store", patience=patience), faults.clear)
