"""The emulator as a process of its own: from the command line, killed, and started again on its data."""

import io
import re
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import modal
import pytest

from tests.modal_emulator.fixtures import forget_client
from tests.modal_emulator.server import Emulator
from tests.waiting import PATIENCE

ROOT = Path(__file__).parents[2]
Start = Callable[[int], "subprocess.Popen[str]"]


@pytest.fixture
def start(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Start]:
    """Start the emulator on a port, on the same data each time; the environment then leads to it."""
    started = []

    def run(port: int) -> "subprocess.Popen[str]":
        command = [sys.executable, "-m", "tests.modal_emulator", "--data", str(tmp_path / "data")]
        process = subprocess.Popen(
            [*command, "--port", str(port)], cwd=ROOT, stdout=subprocess.PIPE, text=True
        )
        started.append(process)
        assert process.stdout is not None
        for _ in range(4):
            _, name, value = re.split("[ =]", process.stdout.readline().strip(), maxsplit=2)
            monkeypatch.setenv(name, value)
        return process

    yield run
    forget_client()
    for process in started:
        process.kill()
        process.communicate()


def port_of(url: str) -> int:
    return int(url.rpartition(":")[2])


def test_a_killed_emulator_keeps_what_it_acknowledged(start: Start) -> None:
    """After kill -9, a new one on the same folder and port has volumes, files and Dicts; the same client goes on."""
    process = start(0)
    volume = modal.Volume.from_name("files", create_if_missing=True, version=2)
    shared = modal.Dict.from_name("shared", create_if_missing=True)
    with volume.batch_upload() as batch:
        batch.put_file(io.BytesIO(b"kept"), "a/file")
    shared["key"] = "value"
    process.kill()
    process.wait()
    start(port_of(modal.config.config["server_url"]))
    assert b"".join(volume.read_file("a/file")) == b"kept"
    assert shared["key"] == "value"


def test_it_ends_when_asked(start: Start) -> None:
    """An interrupt ends it without a traceback."""
    process = start(0)
    process.terminate()
    assert process.wait(timeout=PATIENCE) == 0


def test_a_taken_port(tmp_path: Path) -> None:
    """Two emulators do not share a port."""
    with Emulator(tmp_path / "one") as first, pytest.raises(OSError, match="in use"):
        Emulator(tmp_path / "two", first.port).start()


def test_it_can_be_stopped_and_started(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """While it is stopped the port refuses; started again, it is where it was."""
    emulator = Emulator(tmp_path / "modal")
    emulator.start()
    for name, value in emulator.env.items():
        monkeypatch.setenv(name, value)
    volume = modal.Volume.from_name("files", create_if_missing=True, version=2).hydrate()
    url = emulator.url
    emulator.stop()
    emulator.start()
    assert emulator.url == url
    assert volume.listdir("/") == []
    forget_client()
    emulator.stop()
