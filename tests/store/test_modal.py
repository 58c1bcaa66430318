"""The store in a Modal volume: its contracts, and what it says on bad days."""

import time
from itertools import count
from pathlib import Path

import pytest
from grpclib import Status

from data_models.errors import KeyMissingError, SettingsError, StoreError, StoreFullError
from store.modal import ModalStore
from store.protocol import Store
from store.registry import canonical_url, open_store
from tests.modal_emulator.server import Emulator
from tests.store.conformance import StoreConformance

_numbers = count()


class TestModal(StoreConformance):
    """The contracts, over a new volume (version 2)."""

    examples = 8

    @pytest.fixture(autouse=True)
    def service(self, modal_emulator: Emulator) -> None:
        """An emulator is running."""

    def make_store(self, folder: Path) -> Store:
        return ModalStore(f"volume-{next(_numbers)}")


class TestModalBelowAPrefix(TestModal):
    """The contracts, over a folder of a volume."""

    def make_store(self, folder: Path) -> Store:
        return ModalStore("shared", f"team {next(_numbers)}/store")


class TestModalVersion1(TestModal):
    """The contracts, over a volume that somebody made with version 1."""

    def make_store(self, folder: Path) -> Store:
        import modal

        name = f"volume-{next(_numbers)}"
        modal.Volume.objects.create(name, version=1)
        return ModalStore(name)


QUICK = 2.0
"""Seconds of patience for the tests of bad days."""

LONGEST = 30.0
"""Seconds that such a day may cost on a busy machine: by itself the client goes on for nearly a minute."""

CALLS = ["VolumePutFiles2", "BlockPut", "VolumeGetFile2", "BlockGet", "VolumeListFiles2", "VolumeRemoveFile2"]


@pytest.fixture
def store(modal_emulator: Emulator) -> ModalStore:
    return ModalStore("team", "store")


@pytest.mark.parametrize("call", CALLS)
@pytest.mark.parametrize("fault", ["refused", "answer lost", "cut before", "cut after"])
def test_a_call_outlives_a_fault(modal_emulator: Emulator, store: ModalStore, call: str, fault: str) -> None:
    """Whichever call is refused, unanswered or cut off once: the work is done, and what is there is whole."""
    faults = modal_emulator.faults
    store.put("a/old", b"old")
    if fault == "refused":
        faults.refuse(call)
    elif fault == "answer lost":
        faults.lose_answer(call)
    else:
        faults.cut(call, after=fault == "cut after")
    data = bytes(range(256)) * 100
    store.put_many([("a/b", data), ("a/c", b"")])
    assert (store.get("a/b"), store.get("a/c")) == (data, b"")
    assert store.size("a/b") == len(data)
    store.delete("a/old")
    store.delete("a/old")
    assert list(store.keys()) == ["a/b", "a/c"]
    assert modal_emulator.faults.take(call) is None


@pytest.mark.parametrize("call", ["VolumePutFiles2", "VolumeGetFile2", "VolumeListFiles2"])
def test_slowness_is_bounded(modal_emulator: Emulator, call: str) -> None:
    """A service that does not answer costs our patience and no more, and the error says what to do."""
    ModalStore("team").put("a", b"1")
    store = ModalStore("team", patience=QUICK)
    modal_emulator.faults.slow(call, 300)
    began = time.monotonic()
    with pytest.raises(StoreError) as caught:
        {"VolumePutFiles2": lambda: store.put("b", b"1"), "VolumeGetFile2": lambda: store.get("a")}.get(
            call, lambda: list(store.keys())
        )()
    assert not isinstance(caught.value, KeyMissingError)
    assert caught.value.next_command
    assert time.monotonic() - began < LONGEST


def test_no_network(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Nobody answers: an error within our patience, where the client alone would go on for a minute."""
    for name, value in Emulator(tmp_path, port=9).env.items():
        monkeypatch.setenv(name, value)
    began = time.monotonic()
    with pytest.raises(StoreError) as caught:
        ModalStore("team", patience=QUICK)
    assert "gives no answer" in caught.value.message
    assert time.monotonic() - began < LONGEST


def test_a_wrong_token(modal_emulator: Emulator, monkeypatch: pytest.MonkeyPatch) -> None:
    """It is an error that says how to get a token, without the token."""
    monkeypatch.setenv("MODAL_TOKEN_SECRET", "as-wrong")
    with pytest.raises(StoreFullError) as caught:
        open_store("modal://team")
    assert caught.value.next_command == "modal token new"
    assert "as-wrong" not in str(caught.value)


def test_a_full_volume(modal_emulator: Emulator, store: ModalStore) -> None:
    """A limit or a quota is told from an outage."""
    modal_emulator.faults.refuse("VolumePutFiles2", Status.RESOURCE_EXHAUSTED, times=None)
    with pytest.raises(StoreFullError) as caught:
        store.put("a", b"1")
    assert caught.value.next_command


def test_what_does_not_come_back_is_no_success(
    modal_emulator: Emulator, store: ModalStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A put whose bytes cannot be read back as they were written fails; one that is mended on the way does not."""
    real_read = ModalStore._read
    damaged = iter([True])

    async def read(self: ModalStore, path: str, arrived: object) -> bytes:
        data = await real_read(self, path, arrived)  # type: ignore[arg-type]
        return data[:-1] if next(damaged, False) else data

    monkeypatch.setattr(ModalStore, "_read", read)
    store.put("gen/a", b"whole")
    assert store.get("gen/a") == b"whole"
    damaged = iter([True] * 9)
    with pytest.raises(StoreError) as caught:
        store.put("gen/b", b"whole")
    assert caught.value.partial


def test_opening(modal_emulator: Emulator) -> None:
    """A new volume has version 2 and becomes a store; who may not make one is told; the version of one stays."""
    import modal

    with pytest.raises(StoreError) as caught:
        open_store("modal://team/a", make=False)
    assert caught.value.next_command == "modal volume create team --version 2"
    store = open_store("modal://team//a/")
    assert store.url == canonical_url("MODAL://team/a/") == "modal://team/a"
    assert list(store.keys()) == ["store.json"]
    assert modal.Volume.from_name("team", version=2).hydrate().object_id
    modal.Volume.objects.create("old", version=1)
    open_store("modal://old").put("a", b"1")
    assert modal.Volume.from_name("old", version=1).hydrate().object_id


@pytest.mark.usefixtures("modal_emulator")
@pytest.mark.parametrize("key", ["weights.bin", "weights/1.bin"])
def test_a_place_in_use_is_left_alone(key: str) -> None:
    """What lies there, in a folder or not, is somebody's: no store is made beside it."""
    place = ModalStore("models")
    place.put(key, b"1")
    for make in (False, True):
        with pytest.raises(StoreError, match="is not a store"):
            open_store("modal://models", make=make)
    assert list(place.keys()) == [key]


@pytest.mark.usefixtures("modal_emulator")
def test_names_that_are_none() -> None:
    """An address that can be no volume is refused."""
    for url in ("modal://", "modal://a b", "modal://x/../y"):
        with pytest.raises(SettingsError):
            open_store(url)


def test_links_and_folders_are_no_objects(modal_emulator: Emulator, store: ModalStore) -> None:
    """What others planted in the volume is neither listed nor read."""
    store.put("a/real", b"x")
    (folder,) = (modal_emulator.folder / "volumes").rglob("store/a")
    (folder / "link").symlink_to("real")
    (folder / ".hidden").write_bytes(b"")
    (folder / "sub").mkdir()
    assert list(store.keys()) == ["a/real"]
    assert list(store.folders("a")) == ["sub"]
    with pytest.raises(KeyMissingError):
        store.get("a/sub")


def test_a_volume_that_is_deleted_meanwhile(modal_emulator: Emulator, store: ModalStore) -> None:
    """A volume that somebody deletes is an error for writers that says where to look."""
    import modal

    store.put("a", b"1")
    modal.Volume.objects.delete("team")
    with pytest.raises(StoreError) as caught:
        store.put("b", b"1")
    assert "modal volume ls team" in str(caught.value.next_command)
    assert caught.value.partial
