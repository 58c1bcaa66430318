"""What a test can make go wrong, as the real client sees it."""

import io
import time

import modal
import pytest
from grpclib import Status

from tests.modal_emulator.faults import Faults
from tests.modal_emulator.server import Emulator


@pytest.fixture
def volume(modal_emulator: Emulator) -> modal.Volume:
    found = modal.Volume.from_name("files", create_if_missing=True, version=2).hydrate()
    modal_emulator.traffic.clear()
    return found


@pytest.fixture
def faults(modal_emulator: Emulator) -> Faults:
    return modal_emulator.faults


def put(volume: modal.Volume, data: bytes = b"data") -> None:
    with volume.batch_upload() as batch:
        batch.put_file(io.BytesIO(data), "file")


@pytest.mark.parametrize(
    ("status", "error"),
    [
        (Status.UNAVAILABLE, modal.exception.ServiceError),
        (Status.RESOURCE_EXHAUSTED, modal.exception.ResourceExhaustedError),
        (Status.INTERNAL, modal.exception.InternalError),
    ],
)
def test_refused(
    volume: modal.Volume, faults: Faults, status: Status, error: type[Exception], modal_emulator: Emulator
) -> None:
    """A refused call raises what the client makes of the status, after its own retries, and nothing was done."""
    faults.refuse("VolumeRemoveFile2", status, times=None)
    put(volume)
    with pytest.raises(error):
        volume.remove_file("file")
    faults.clear()
    assert [entry.path for entry in volume.listdir("/")] == ["file"]
    retried = status is not Status.RESOURCE_EXHAUSTED
    assert modal_emulator.calls["VolumeRemoveFile2"] == (4 if retried else 1)


def test_one_refusal_is_retried(volume: modal.Volume, faults: Faults, modal_emulator: Emulator) -> None:
    """The client's own retry meets a server that has recovered."""
    faults.refuse("VolumePutFiles2")
    put(volume)
    assert modal_emulator.calls["VolumePutFiles2"] == 3


def test_a_rate_limit_is_waited_for(modal_emulator: Emulator, faults: Faults) -> None:
    """RESOURCE_EXHAUSTED with a delay makes the client come again after it."""
    shared = modal.Dict.from_name("shared", create_if_missing=True).hydrate()
    faults.refuse("DictUpdate", Status.RESOURCE_EXHAUSTED, retry_after=0.1)
    assert shared.put("a", 1)
    assert modal_emulator.calls["DictUpdate"] == 2


def test_lost_answer_of_an_upload(volume: modal.Volume, faults: Faults) -> None:
    """The client retries what was done already, and takes its own file for another's."""
    faults.lose_answer("VolumePutFiles2", skip=1)
    with pytest.raises(FileExistsError):
        put(volume)
    assert b"".join(volume.read_file("file")) == b"data"


@pytest.mark.parametrize("cut", [False, True])
def test_lost_answer_of_put_if_absent(modal_emulator: Emulator, faults: Faults, cut: bool) -> None:
    """False although the key is ours, whether the answer was an error or the connection went."""
    shared = modal.Dict.from_name("shared", create_if_missing=True).hydrate()
    if cut:
        faults.cut("DictUpdate", after=True)
    else:
        faults.lose_answer("DictUpdate")
    assert shared.put("lease", "mine", skip_if_exists=True) is False
    assert shared.get("lease") == "mine"


def test_cut_before(modal_emulator: Emulator, faults: Faults) -> None:
    """A connection that ends before the deed leaves nothing done; the retry does it once."""
    shared = modal.Dict.from_name("shared", create_if_missing=True).hydrate()
    faults.cut("DictUpdate")
    assert shared.put("a", 1, skip_if_exists=True) is True


@pytest.mark.parametrize("plan", [Faults.refuse, Faults.lose_answer, Faults.cut])
def test_blocks_fail_too(
    volume: modal.Volume, faults: Faults, modal_emulator: Emulator, plan: object
) -> None:
    """Bytes over HTTP fail by the same plan, and the client tries again."""
    plan(faults, "BlockPut")
    put(volume)
    plan(faults, "BlockGet")
    assert b"".join(volume.read_file("file")) == b"data"
    assert min(modal_emulator.calls["BlockPut"], modal_emulator.calls["BlockGet"]) >= 2


def test_slow(volume: modal.Volume, faults: Faults) -> None:
    """A slow call takes at least as long as planned; others do not."""
    faults.slow("VolumeListFiles2", 0.3, times=1)
    began = time.monotonic()
    volume.listdir("/")
    assert time.monotonic() - began >= 0.3


def test_every_call_can_fail(modal_emulator: Emulator, faults: Faults) -> None:
    """`*` is every RPC."""
    faults.refuse("*", Status.PERMISSION_DENIED)
    with pytest.raises(modal.exception.PermissionDeniedError):
        modal.Dict.from_name("a", create_if_missing=True).hydrate()


def test_calls_and_bytes_are_counted(volume: modal.Volume, modal_emulator: Emulator) -> None:
    """Each RPC and each block is counted, with its bytes."""
    put(volume, b"12345")
    list(volume.read_file("file"))
    traffic = modal_emulator.traffic
    assert traffic.calls == {"VolumePutFiles2": 2, "BlockPut": 1, "VolumeGetFile2": 1, "BlockGet": 1}
    assert (traffic.bytes_in["BlockPut"], traffic.bytes_out["BlockGet"]) == (5, 5)
    assert traffic.bytes_in["VolumePutFiles2"] > 64
