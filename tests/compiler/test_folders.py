"""Temporary folders hold words of sessions: none stays, not even a killed process's."""

import subprocess
import sys
import tempfile
from pathlib import Path

import pytest

from data_models.folders import remove_abandoned, temporary_folder

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
    """The example's throwaway home, other programs' files, and what a link leads to."""
    (place / "rlm-context-example.abc").mkdir()
    (place / "rlm-context-tmp-file").touch()
    (place / "elsewhere").mkdir()
    (place / "rlm-context-tmp-link").symlink_to(place / "elsewhere")
    before = set(place.iterdir())
    remove_abandoned()
    assert set(place.iterdir()) == before


def test_only_its_owner_may_read_it(place: Path) -> None:
    """0700, from its first moment on."""
    with temporary_folder() as folder:
        assert folder.stat().st_mode & 0o777 == 0o700
