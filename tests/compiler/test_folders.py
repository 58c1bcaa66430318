"""Temporary folders hold words of sessions: none stays, not even a killed process's."""

import errno
import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

import pytest

from data_models import folders
from data_models.folders import remove_abandoned, remove_folder, temporary_folder

HOLD = """
import sys, tempfile
tempfile.tempdir = sys.argv[1]
from data_models.folders import temporary_folder
with temporary_folder() as folder:
    (folder / "index").mkdir()
    (folder / "index" / "words").write_text("of a session")
    print(folder, flush=True)
    sys.stdin.read()
"""
"""Uses a temporary folder below its argument until it is killed."""


@pytest.fixture
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The system's place for temporary files, for this process."""
    folder = tmp_path / "temporary"
    folder.mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(folder))
    return folder


def test_a_killed_processs_folder_goes_with_the_next(place: Path) -> None:
    """And not before: what a live process uses stays, in this process and in others."""
    process = subprocess.Popen(
        [sys.executable, "-c", HOLD, str(place)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    with process:
        assert process.stdout is not None
        held = Path(process.stdout.readline().strip())
        with temporary_folder() as mine, temporary_folder() as another:
            assert (held / "index" / "words").exists()
            assert {mine, another, held} == set(place.iterdir())
        process.kill()
        process.wait()
    assert held.exists()
    with temporary_folder() as mine:
        assert list(place.iterdir()) == [mine]
    assert list(place.iterdir()) == []


def test_what_is_not_ours_stays(place: Path) -> None:
    """The example's throwaway home, another machine's, other programs' files, and what a link leads to."""
    (place / "rlm-context-example.abc").mkdir()
    (place / "rlm-context-tmp-00000000-of-another-machine").mkdir()
    (place / f"{folders._PREFIX}file").touch()
    (place / "elsewhere").mkdir()
    (place / f"{folders._PREFIX}link").symlink_to(place / "elsewhere")
    before = set(place.iterdir())
    remove_abandoned()
    assert set(place.iterdir()) == before


def test_one_that_cannot_be_removed_holds_nobody_up(place: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Whoever asks is told of it, and the others are gone; who needs a folder gets one."""
    stuck, other = (place / f"{folders._PREFIX}{name}" for name in ("stuck", "other"))
    stuck.mkdir()
    other.mkdir()
    remove = shutil.rmtree

    def refuse(folder: Path) -> None:
        if folder == stuck:
            raise PermissionError(errno.EACCES, "not yours", str(folder))
        remove(folder)

    monkeypatch.setattr(shutil, "rmtree", refuse)
    with pytest.raises(PermissionError, match="stuck"):
        remove_abandoned()
    assert list(place.iterdir()) == [stuck]
    with temporary_folder() as mine:
        assert mine.is_dir()
    assert list(place.iterdir()) == [stuck]


def test_what_vanishes_meanwhile_leaves_nothing_behind(place: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where another process removes a file at the same moment, the rest goes all the same."""
    folder = place / "folder"
    folder.mkdir()
    for number in range(3):
        (folder / str(number)).touch()
    unlink, gone = os.unlink, []

    def twice(path: str | Path, *, dir_fd: int | None = None) -> None:
        unlink(path, dir_fd=dir_fd)
        if not gone:
            gone.append(path)
            unlink(path, dir_fd=dir_fd)

    monkeypatch.setattr(os, "unlink", twice)
    remove_folder(folder)
    assert gone
    assert not folder.exists()


def test_only_its_owner_may_read_it(place: Path) -> None:
    """0700, from its first moment on."""
    with temporary_folder() as folder:
        assert folder.stat().st_mode & 0o777 == 0o700
