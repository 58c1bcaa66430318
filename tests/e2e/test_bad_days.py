"""Whatever is wrong with us, the agent starts, works and ends as if we were not there; doctor names what is wrong and
the command that mends it; and then the session is uploaded, once."""

import json
import os
import shutil
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

import pytest

from data_models.env import INSIDE
from tests.e2e.claude import Claude
from tests.e2e.places import checkout_in, held, log_of, until_done, uploads, with_workers, without_home
from tests.rlm.servers.messages import MessagesServer
from tests.waiting import until

pytestmark = pytest.mark.timeout(300)

_SLACK = 10.0
"""Seconds that the agent may take longer than with no hooks, on a machine where others work: less than any time-out."""
_NOBODY = "http://127.0.0.1:9/api"


@dataclass
class Day:
    """An agent with our hooks, and the seconds that a session takes without them."""

    claude: Claude
    seconds: float

    def live(self) -> str:
        """A session that starts, works and ends as always; its id."""
        began = time.monotonic()
        assert self.claude.run("-p", "Good morning.").strip() == "Good morning to you."
        took = time.monotonic() - began
        if took >= self.seconds + _SLACK:  # unless the machine is busier by now than when the day began
            self.seconds = without_us(self.claude)
        assert took < self.seconds + _SLACK
        return self.claude.transcripts()[-1].stem

    def trouble(self) -> dict[str, str]:
        """What doctor says is wrong, with the command that mends it."""
        done = self.claude.rlm("doctor", "--json")
        checks = json.loads(done.stdout)["checks"]
        found = {check["detail"]: check["next_command"] for check in checks if check["ok"] is False}
        assert done.returncode == (1 if found else 0), done.stderr
        return found

    def mend(self, about: str) -> None:
        """Run the command that doctor names for its only trouble, which is about this."""
        [(detail, command)] = self.trouble().items()
        assert about in detail
        mended = self.claude.start("/bin/sh", "-c", command)
        assert mended.returncode == 0, (command, mended.stdout, mended.stderr)
        assert not self.trouble()

    def sync(self, store: Path, session: str) -> None:
        """The session is uploaded now, and stands in the store once."""
        done = self.claude.rlm("sync")
        assert (done.returncode, uploads(store)) == (0, [session]), done.stderr


def without_us(claude: Claude) -> float:
    """The seconds that a session takes now in which no hook of ours does anything, and that leaves no trace."""
    settings, claude.settings = claude.settings, {**claude.settings, INSIDE: "1"}
    began = time.monotonic()
    claude.run("-p", "Good morning.", "--no-session-persistence")
    claude.settings = settings
    return time.monotonic() - began


@pytest.fixture
def day(program: str, home: Path, models: MessagesServer) -> Iterator[Day]:
    """A day that begins well."""
    models.reply = lambda call: "Good morning to you."
    settings = {"RLM_CONTEXT_AUTHOR": "someone"}
    claude = Claude(program, home, checkout_in(home), models, Path(sys.executable).parent, settings)
    seconds = without_us(claude)
    claude.install_hooks()
    yield Day(claude, seconds)
    without_home(claude.ours)


def test_no_prefect_server(day: Day) -> None:
    """A server that is configured and does not answer: the session is compiled on this machine instead."""
    claude = day.claude
    with with_workers(claude.ours):
        claude.settings = {**claude.settings, "PREFECT_API_URL": _NOBODY}
        session = day.live()
        [(detail, command)] = day.trouble().items()
        assert _NOBODY in detail
        assert "prefect server start" in command
        until_done(claude.ours)
    assert uploads(claude.ours / "store") == [session]
    assert list(held(claude.ours / "store")) == [("someone", session)]


def test_no_store(day: Day) -> None:
    """A store that is not where it was: the session waits on this machine."""
    claude = day.claude
    assert claude.rlm("share", ".").returncode == 0
    disk = claude.home / "disk"
    disk.touch()
    claude.settings = {**claude.settings, "RLM_CONTEXT_STORE": str(disk / "store")}
    session = day.live()
    [(detail, command)] = day.trouble().items()
    assert str(disk) in detail
    assert command
    disk.unlink()
    day.sync(disk / "store", session)


def test_a_full_disk(day: Day) -> None:
    """No byte more fits where our home is."""
    with full_disk(day.claude.ours) as make_room:
        session = day.live()
        [(detail, command)] = day.trouble().items()
        assert "0.0 GB free" in detail
        assert "df -h" in command
        make_room()
        day.sync(day.claude.ours / "store", session)


def test_no_spool(day: Day) -> None:
    """Something else stands where the spool should be."""
    spool = day.claude.ours / "spool"
    if spool.exists():
        shutil.rmtree(spool)
    spool.touch()
    session = day.live()
    day.mend(str(spool))
    day.sync(day.claude.ours / "store", session)


def test_a_broken_config_file(day: Day) -> None:
    """Settings that cannot be read."""
    config = day.claude.ours / "config.toml"
    config.write_text("store = [")
    session = day.live()
    [(detail, command)] = day.trouble().items()
    assert str(config) in detail
    assert str(config) in command
    until(lambda: str(config) in log_of(day.claude.ours))  # the worker says it too
    config.write_text("")
    day.sync(day.claude.ours / "store", session)


def test_a_moved_program(day: Day) -> None:
    """The settings name a Python that is gone, and no command rlm-context is on PATH: said at the first start, and
    the sessions are uploaded by the hooks that install writes anew."""
    settings = day.claude.home / ".claude" / "settings.json"
    settings.write_text(settings.read_text().replace(sys.executable, "/gone/bin/python"))
    day.claude.commands = None
    first = day.live()
    assert "/gone/bin/python" in str(day.trouble())
    day.claude.commands = Path(sys.executable).parent
    with with_workers(day.claude.ours):
        day.mend("/gone/bin/python")
        second = day.live()
        until_done(day.claude.ours)
    assert uploads(day.claude.ours / "store") == sorted([first, second])


@contextmanager
def full_disk(folder: Path) -> Iterator[Callable[[], None]]:
    """A file system of its own below a folder, full; what is yielded makes room there."""
    if os.geteuid() != 0:
        pytest.skip("only root can mount a disk that is full")
    mounted = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", "size=16m,mode=700", "tmpfs", str(folder)],
        capture_output=True,
        text=True,
    )
    if mounted.returncode:
        pytest.skip(f"no disk can be mounted here: {mounted.stderr.strip()}")
    try:
        filling = folder / "filling"
        with filling.open("wb", buffering=0) as file, suppress(OSError):  # no byte more fits
            while True:
                file.write(b"x" * 4096)
        yield filling.unlink
    finally:
        subprocess.run(["umount", "--lazy", str(folder)], check=True)
