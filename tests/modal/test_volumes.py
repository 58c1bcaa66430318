"""The real client's volumes, of both versions, against the emulator."""

import io
from pathlib import Path

import modal
import pytest

from tests.modal_emulator.server import Emulator

BLOCK = 8 * 1024 * 1024


@pytest.fixture(params=[1, 2], ids=["v1", "v2"])
def volume(modal_emulator: Emulator, request: pytest.FixtureRequest) -> modal.Volume:
    return modal.Volume.from_name("files", create_if_missing=True, version=request.param).hydrate()


def put(volume: modal.Volume, files: dict[str, bytes], *, force: bool = False) -> None:
    with volume.batch_upload(force=force) as batch:
        for path, data in files.items():
            batch.put_file(io.BytesIO(data), path)


def read(volume: modal.Volume, path: str) -> bytes:
    return b"".join(volume.read_file(path))


def paths(volume: modal.Volume, path: str = "/", *, recursive: bool = True) -> list[str]:
    return [entry.path for entry in volume.listdir(path, recursive=recursive)]


@pytest.mark.parametrize(
    "data",
    [b"", b"a", b"\0", b"a\0\0", bytes(BLOCK), b"x" * BLOCK + b"y", b"x" * BLOCK + bytes(10)],
    ids=["empty", "short", "zero", "zeros at the end", "zeros", "two blocks", "two blocks, zeros"],
)
def test_bytes_come_back(volume: modal.Volume, data: bytes) -> None:
    """Whatever is uploaded is read back, over block borders and with zeros, which the client leaves out."""
    put(volume, {"a.bin": data})
    assert read(volume, "a.bin") == data


def test_large_files_go_over_http(volume: modal.Volume, modal_emulator: Emulator) -> None:
    """Bytes of a large file are put by HTTP once: a second file with the same ones needs none."""
    data = b"0123456789abcdef" * (BLOCK // 16) + b"end"
    put(volume, {"one": data})
    sent = modal_emulator.traffic.bytes_in["BlockPut"]
    put(volume, {"two": data})
    assert sent == len(data) == modal_emulator.traffic.bytes_in["BlockPut"]
    assert read(volume, "two") == data


def test_listing(volume: modal.Volume) -> None:
    """A folder is listed flat or with all below it, a file alone; paths have no leading slash."""
    put(volume, {"/a/b/one two.txt": b"1", "a/ünï.txt": b"22", "top": b""})
    assert paths(volume, "/", recursive=False) == ["a", "top"]
    assert paths(volume) == ["a", "a/b", "a/b/one two.txt", "a/ünï.txt", "top"]
    assert paths(volume, "a/b") == paths(volume, "/a/b/") == ["a/b/one two.txt"]
    [entry] = volume.listdir("a/ünï.txt")
    assert (entry.path, entry.size, entry.type.name) == ("a/ünï.txt", 2, "FILE")
    with pytest.raises(modal.exception.NotFoundError):
        volume.listdir("nothing")


def test_long_listings_come_in_batches(volume: modal.Volume) -> None:
    """More entries than one message holds are all listed."""
    put(volume, {f"many/{number:04}": b"" for number in range(600)})
    assert len(paths(volume, "many")) == 600


def test_overwriting_needs_force(volume: modal.Volume) -> None:
    """A batch with one existing file is refused as a whole unless forced; a folder is never overwritten."""
    put(volume, {"a/one": b"old"})
    with pytest.raises(FileExistsError):
        put(volume, {"a/zero": b"", "a/one": b"new"})
    assert paths(volume) == ["a", "a/one"]
    put(volume, {"a/one": b"new"}, force=True)
    assert read(volume, "a/one") == b"new"
    with pytest.raises(FileExistsError):
        put(volume, {"a": b"file"}, force=True)


def test_a_reader_keeps_what_it_began(volume: modal.Volume) -> None:
    """A file overwritten while it is read is read as it was."""
    old, new = b"1" * (3 * BLOCK), b"2" * (3 * BLOCK)
    put(volume, {"file": old})
    chunks = volume.read_file("file")
    start = next(chunks)
    put(volume, {"file": new}, force=True)
    assert start + b"".join(chunks) == old
    assert read(volume, "file") == new


def test_folders_are_uploaded(volume: modal.Volume, tmp_path: Path) -> None:
    """`put_directory` sends all files below a folder."""
    (tmp_path / "tree/deep").mkdir(parents=True)
    (tmp_path / "tree/deep/leaf").write_bytes(b"leaf")
    with volume.batch_upload() as batch:
        batch.put_directory(tmp_path / "tree", "/copy")
    assert read(volume, "copy/deep/leaf") == b"leaf"


def test_removing(volume: modal.Volume) -> None:
    """A file goes at once, a folder only recursively, and what is not there is an error."""
    put(volume, {"a/one": b"1", "a/two": b"2"})
    volume.remove_file("a/one")
    assert paths(volume) == ["a", "a/two"]
    with pytest.raises(modal.exception.InvalidError):
        volume.remove_file("a")
    volume.remove_file("a", recursive=True)
    assert paths(volume) == []
    for call in (lambda: volume.remove_file("a"), lambda: read(volume, "a")):
        with pytest.raises(FileNotFoundError):
            call()


def test_copying(volume: modal.Volume) -> None:
    """Copies follow `cp`: to a new name, or into a folder."""
    put(volume, {"one": b"1", "two": b"2", "folder/x": b""})
    volume.copy_files(["one"], "three")
    volume.copy_files(["one", "two"], "folder")
    assert read(volume, "three") == b"1"
    assert read(volume, "folder/two") == b"2"


def test_commit_and_reload_do_nothing(volume: modal.Volume) -> None:
    """Outside a container there is nothing to commit."""
    volume.commit()
    volume.reload()


@pytest.mark.parametrize("path", ["../out", "a/../../out", "x" * 300, "a/file/below"])
def test_paths_stay_inside(volume: modal.Volume, modal_emulator: Emulator, path: str) -> None:
    """No path leaves the volume, and what no disk can hold is the caller's error."""
    put(volume, {"a/file": b""})
    with pytest.raises(modal.exception.InvalidError):
        put(volume, {path: b"out"})
    assert not list(modal_emulator.folder.rglob("out"))


def test_names(modal_emulator: Emulator) -> None:
    """Volumes are made, found, listed newest first, renamed and deleted by name."""
    for name in ("first", "second"):
        modal.Volume.objects.create(name)
    with pytest.raises(modal.exception.AlreadyExistsError):
        modal.Volume.objects.create("first")
    modal.Volume.objects.create("first", allow_existing=True)
    assert [volume.name for volume in modal.Volume.objects.list()] == ["second", "first"]
    modal.Volume.rename("first", "third")
    modal.Volume.objects.delete("second")
    assert [volume.name for volume in modal.Volume.objects.list()] == ["third"]
    with pytest.raises(modal.exception.NotFoundError):
        modal.Volume.from_name("second").hydrate()


def test_versions(modal_emulator: Emulator) -> None:
    """A volume opens in whatever version it has; asking for the other one is refused by the client."""
    modal.Volume.objects.create("old", version=1)
    modal.Volume.from_name("old").hydrate()
    with pytest.raises(modal.exception.InvalidError, match="v1, not v2"):
        modal.Volume.from_name("old", version=2).hydrate()


def test_an_ephemeral_volume_has_no_name(modal_emulator: Emulator) -> None:
    """It can be used, and is not listed."""
    with modal.Volume.ephemeral(version=2) as volume:
        put(volume, {"a": b"1"})
        assert read(volume, "a") == b"1"
        assert modal.Volume.objects.list() == []
