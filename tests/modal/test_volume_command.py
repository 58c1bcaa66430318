"""`modal volume …` as people use it, each a process of its own."""

from pathlib import Path

import modal
import pytest

from tests.modal.conftest import Command
from tests.modal_emulator.server import Emulator


@pytest.mark.timeout(400)  # eight commands, each of which imports modal
def test_volume_commands(modal_command: Command, tmp_path: Path) -> None:
    """create, list, put, ls, get, rm and delete do what they say."""
    local = tmp_path / "note.txt"
    local.write_text("hello\n", encoding="utf-8")
    assert modal_command("volume", "create", "team", "--version", "2").returncode == 0
    assert "team" in modal_command("volume", "list").stdout
    assert modal_command("volume", "put", "team", str(local), "/notes/").returncode == 0
    assert modal_command("volume", "ls", "team", "notes").stdout == "notes/note.txt\n"
    assert modal_command("volume", "get", "team", "notes/note.txt", "-").stdout.startswith("hello\n")
    assert modal_command("volume", "rm", "team", "notes/note.txt").returncode == 0
    assert modal_command("volume", "delete", "team", "--yes").returncode == 0
    missing = modal_command("volume", "ls", "team")
    assert missing.returncode == 1
    assert "not found" in missing.stderr + missing.stdout


def test_a_folder_is_downloaded(modal_emulator: Emulator, modal_command: Command, tmp_path: Path) -> None:
    """`modal volume get` brings a whole folder."""
    volume = modal.Volume.from_name("team", create_if_missing=True, version=2)
    (tmp_path / "up").mkdir()
    (tmp_path / "up/one").write_bytes(b"1")
    with volume.batch_upload() as batch:
        batch.put_directory(tmp_path / "up", "/deep/folder")
    (tmp_path / "down").mkdir()
    done = modal_command("volume", "get", "team", "deep", str(tmp_path / "down"))
    assert done.returncode == 0, done.stderr
    assert (tmp_path / "down/deep/folder/one").read_bytes() == b"1"
