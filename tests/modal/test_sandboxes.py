"""The real client's sandboxes against the emulator."""

import io
import time
from pathlib import Path

import modal
import pytest

from tests.modal_emulator import presented
from tests.modal_emulator.presented import bubblewrap_works
from tests.modal_emulator.sandboxes import blocks_network
from tests.modal_emulator.server import Emulator
from tests.waiting import PATIENCE

CONNECT = "import socket; socket.create_connection(('127.0.0.1', {port}), timeout=5)"


@pytest.fixture
def app(modal_emulator: Emulator) -> modal.App:
    return modal.App.lookup("sandboxes", create_if_missing=True)


def test_exec(app: modal.App) -> None:
    """A command's outputs are read separately, its exit code is given, and it runs in this interpreter."""
    sandbox = modal.Sandbox.create(app=app)
    done = sandbox.exec("python", "-c", "import sys; print(1 + 1); print('no', file=sys.stderr); sys.exit(7)")
    assert (done.stdout.read(), done.stderr.read(), done.wait()) == ("2\n", "no\n", 7)
    sandbox.terminate()


def test_stdin(app: modal.App) -> None:
    """A conversation over stdin and stdout: each answer comes before the next question."""
    sandbox = modal.Sandbox.create(app=app)
    talk = sandbox.exec("python", "-uc", "while True: print(input().upper())", bufsize=1)
    answers = iter(talk.stdout)
    for question in ("first", "sécond"):
        talk.stdin.write(question + "\n")
        talk.stdin.drain()
        assert next(answers) == question.upper() + "\n"
    talk.stdin.write_eof()
    talk.stdin.drain()
    assert talk.wait() == 1
    assert "EOFError" in talk.stderr.read()
    sandbox.terminate()


def test_first_process(app: modal.App) -> None:
    """A sandbox made with a command ends when it does, with its code, and its output can be read."""
    sandbox = modal.Sandbox.create("python", "-c", "print('hello'); exit(3)", app=app)
    sandbox.wait(raise_on_termination=False)
    assert sandbox.returncode == 3
    assert sandbox.stdout.read() == "hello\n"


def test_terminate(app: modal.App) -> None:
    """Termination ends what runs in it, and `wait` says so."""
    sandbox = modal.Sandbox.create(app=app)
    command = sandbox.exec("python", "-c", "import time; time.sleep(600)")
    assert sandbox.poll() is None
    assert command.poll() is None
    sandbox.terminate()
    assert command.wait() == 137
    with pytest.raises(modal.exception.SandboxTerminatedError):
        sandbox.wait()
    with pytest.raises(modal.exception.NotFoundError):
        sandbox.exec("true")


def test_timeouts(app: modal.App) -> None:
    """A command ends at its own timeout, a sandbox at its."""
    began = time.monotonic()
    assert modal.Sandbox.create(app=app).exec("sleep", "600", timeout=1).wait() in (-1, 137)
    with pytest.raises(modal.exception.SandboxTimeoutError):
        modal.Sandbox.create("sleep", "600", app=app, timeout=1).wait()
    assert time.monotonic() - began < PATIENCE


def test_blocked_network(app: modal.App, modal_emulator: Emulator) -> None:
    """What was asked for is recorded and, where this machine can, done: the emulator itself is out of reach."""
    free = modal.Sandbox.create(app=app)
    blocked = modal.Sandbox.create(app=app, block_network=True)
    assert [blocks_network(each.definition) for each in modal_emulator.sandboxes] == [False, True]
    reach = ["python", "-c", CONNECT.format(port=modal_emulator.port)]
    assert free.exec(*reach).wait() == 0
    if bubblewrap_works():
        assert blocked.exec(*reach).wait() == 1


def test_variables(app: modal.App, modal_emulator: Emulator) -> None:
    """Secrets and `env` are there, and nothing of ours: no token, no address."""
    sandbox = modal.Sandbox.create(
        app=app, secrets=[modal.Secret.from_dict({"KEY": "value"})], env={"MODE": "x"}
    )
    names = sandbox.exec("env").stdout.read()
    assert "KEY=value\n" in names
    assert "MODE=x\n" in names
    assert "MODAL_" not in names


@pytest.mark.skipif(not bubblewrap_works(), reason="bubblewrap does not work here")
@pytest.mark.parametrize("at", ["/emulated-sandbox-store", "/usr/not/there", "/usr/share"])
def test_volume(app: modal.App, at: str) -> None:
    """A volume is at its mount path, whether something is there or not, and this machine keeps what it has."""
    before = sorted(Path("/usr").iterdir())
    volume = modal.Volume.from_name("files", create_if_missing=True, version=2)
    with volume.batch_upload() as batch:
        batch.put_file(io.BytesIO(b"inside"), "note")
    sandbox = modal.Sandbox.create(app=app, volumes={at: volume})
    assert sandbox.exec("cat", f"{at}/note").stdout.read() == "inside"
    assert sandbox.exec("ls", "/usr/bin").wait() == 0
    assert sorted(Path("/usr").iterdir()) == before


def test_volume_without_bubblewrap(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where bubblewrap does not work a link leads to the volume, as long as the emulator runs, if one can be made."""
    monkeypatch.setattr(presented, "bubblewrap_works", lambda: False)
    (tmp_path / "files").mkdir()
    presenter = presented.Presenter()
    points = [presented.Point(tmp_path / "mount", tmp_path / "files", read_only=False)]
    for _ in range(2):
        assert presenter.command(points, ["ls"]) == ["ls"]
    assert (tmp_path / "mount").readlink() == tmp_path / "files"
    presenter.close()
    assert not (tmp_path / "mount").exists()
    with pytest.raises(OSError, match="bubblewrap"):
        presenter.command(
            [presented.Point(tmp_path / "no/mount", tmp_path / "files", read_only=False)], ["ls"]
        )


def test_a_program_that_is_not_there(app: modal.App) -> None:
    """It is the caller's error."""
    with pytest.raises(modal.exception.NotFoundError):
        modal.Sandbox.create(app=app).exec("no-such-program")


def test_a_lost_answer_starts_nothing_twice(app: modal.App, modal_emulator: Emulator) -> None:
    """The client's retry of a start, or of a write, is known for what it is."""
    sandbox = modal.Sandbox.create(app=app)
    modal_emulator.faults.lose_answer("TaskExecStart")
    modal_emulator.faults.lose_answer("TaskExecStdinWrite")
    command = sandbox.exec("cat")
    command.stdin.write("once")
    command.stdin.write_eof()
    command.stdin.drain()
    assert command.stdout.read() == "once"
    assert len(modal_emulator.sandboxes[0].commands) == 1
