"""Two machines are never one, whatever they are called; processes of one machine agree."""

import shutil
import subprocess
import sys
import uuid
from collections.abc import Iterator
from pathlib import Path

import pytest

from store import machine as place

ASK = "from store.machine import machine; print(machine())"
ROOT = Path(__file__).parents[2]


@pytest.fixture(autouse=True)
def asked_anew() -> Iterator[None]:
    place.machine.cache_clear()
    yield
    place.machine.cache_clear()


def asked_in(*prefix: str) -> subprocess.CompletedProcess[str]:
    """What a process of its own answers, started as `prefix` says."""
    command = [*prefix, sys.executable, "-c", ASK]
    return subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=60, check=False)


def test_processes_of_one_machine_agree() -> None:
    """Another process gives the same 8 hex digits."""
    assert asked_in().stdout.strip() == place.machine()
    assert len(place.machine()) == 8


def test_a_container_is_a_machine_of_its_own() -> None:
    """The same host and the same name, but numbers of processes that mean something else."""
    unshare = shutil.which("unshare")
    if unshare is None:
        pytest.skip("util-linux is not installed")
    inside = asked_in(unshare, "--user", "--map-root-user", "--fork", "--pid", "--mount-proc")
    if inside.returncode:
        pytest.skip("this machine makes no namespaces")
    assert inside.stdout.strip() != place.machine()


def test_another_kernel_is_another_machine(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Two hosts of one name, or one before and after a restart."""
    here = place.machine()
    (tmp_path / "boot_id").write_text("11111111-0000-4000-8000-000000000000\n")
    monkeypatch.setattr(place, "_BOOT", tmp_path / "boot_id")
    place.machine.cache_clear()
    assert place.machine() != here


def test_where_there_is_no_kernel_to_ask(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The network card tells; an address that was made up does not, and then no two processes are on one machine."""
    monkeypatch.setattr(place, "_BOOT", tmp_path / "nothing")

    def asked(address: int) -> str:
        monkeypatch.setattr(uuid, "getnode", lambda: address)
        place.machine.cache_clear()
        return place.machine()

    assert asked(0x0242AC110002) == asked(0x0242AC110002) != asked(0x0242AC110003)
    assert asked(0x0342AC110002) != asked(0x0342AC110002)
