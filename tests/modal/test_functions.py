"""A deployed app, called by the real client; each function runs in a process with the real container entry point."""

import io
import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import modal
import pytest

from tests.modal_emulator.fixtures import forget_client
from tests.modal_emulator.presented import bubblewrap_works
from tests.modal_emulator.server import Emulator
from tests.waiting import PATIENCE

HERE = Path(__file__).parent


def modal_command(*arguments: str) -> "subprocess.CompletedProcess[str]":
    return subprocess.run(
        [sys.executable, "-m", "modal", *arguments],
        cwd=HERE,
        capture_output=True,
        text=True,
        check=False,
        timeout=100,
    )


@pytest.fixture(scope="module")
def deployed(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Emulator]:
    """An emulator on which `modal deploy -m sample_app` has been run; one for all tests of this file."""
    with pytest.MonkeyPatch.context() as patch, Emulator(tmp_path_factory.mktemp("modal")) as emulator:
        for name, value in emulator.env.items():
            patch.setenv(name, value)
        assert modal_command("secret", "create", "team", "API_KEY=from the secret").returncode == 0
        done = modal_command("deploy", "-m", "sample_app")
        assert done.returncode == 0, done.stdout + done.stderr
        assert "App deployed" in done.stdout
        yield emulator
        forget_client()


# The volume needs a place in the root of the file system, or what looks like it.
needs_mount = pytest.mark.skipif(
    not bubblewrap_works() and not os.access("/", os.W_OK), reason="bubblewrap does not work here"
)


def function(name: str) -> modal.Function:
    return modal.Function.from_name("sample", name)


@needs_mount
def test_a_function_sees_volume_secret_and_image(deployed: Emulator) -> None:
    """It runs with the volume at its mount path, the secret's and the image's variables, and without our token."""
    volume = modal.Volume.from_name("data")
    with volume.batch_upload() as batch:
        batch.put_file(io.BytesIO(b"before"), "looked-at/before.txt")
    assert function("look").remote("after") == {
        "files": ["after.txt", "before.txt"],
        "key": "from the secret",
        "colour": "sea green",
        "remote": True,
        "token": None,
    }
    assert b"".join(volume.read_file("looked-at/after.txt")) == b"from a container"
    assert not Path("/emulated-store").exists()


@pytest.mark.skipif(not bubblewrap_works(), reason="bubblewrap does not work here")
def test_a_part_read_only(deployed: Emulator) -> None:
    """A mount may show a folder of the volume, and refuse writes."""
    with modal.Volume.from_name("data").batch_upload(force=True) as batch:
        batch.put_file(io.BytesIO(b""), "part/inside")
    with pytest.raises(OSError, match="Read-only"):
        function("overwrite").remote()


@needs_mount
def test_modal_inside(deployed: Emulator) -> None:
    """A function calls others, by handle and by name, uploads to a volume and uses a Dict."""
    assert function("busy").remote(4) == [16, 25]
    assert b"".join(modal.Volume.from_name("data").read_file("uploaded")) == b"by a function"
    assert modal.Dict.from_name("shared")["number"] == 4


def test_map(deployed: Emulator) -> None:
    """Many inputs run side by side, and come back in order."""
    assert list(function("square").map(range(10))) == [number * number for number in range(10)]


def test_exceptions_cross(deployed: Emulator) -> None:
    """An exception is raised where the function was called, with its type and arguments; a map may return it."""
    with pytest.raises(LookupError) as raised:
        function("square").remote(13)
    assert raised.value.args == ("unlucky", 13)
    first, second = function("square").map([2, 13], return_exceptions=True)
    assert (first, type(second)) == (4, LookupError)


def test_spawn(deployed: Emulator) -> None:
    """A call goes on by itself, and its result is had by its id, more than once."""
    call_id = function("square").spawn(7).object_id
    assert [modal.FunctionCall.from_id(call_id).get(timeout=PATIENCE) for _ in range(2)] == [49, 49]


def test_a_call_that_takes_longer(deployed: Emulator) -> None:
    """Asking with a timeout says that there is no result yet, and a function's own timeout ends it."""
    call = function("too_long").spawn()
    with pytest.raises(TimeoutError):
        call.get(timeout=0)
    with pytest.raises(modal.exception.FunctionTimeoutError):
        call.get(timeout=PATIENCE)


def test_large_payloads(deployed: Emulator) -> None:
    """Arguments and results above 2 MiB go as blobs."""
    data = bytes(range(256)) * 12_000
    before = deployed.calls["BlobCreate"]
    assert function("echo").remote(data) == data
    assert deployed.calls["BlobCreate"] == before + 2


@pytest.mark.parametrize("how", ["remote", "spawn", "map"])
def test_retries(deployed: Emulator, tmp_path: Path, how: str) -> None:
    """A function that asks for retries gets them, whether someone waits or not."""
    argument = str(tmp_path / "marker")
    call = function("second_time")
    if how == "map":
        assert list(call.map([argument])) == ["done"]
    else:
        assert (
            call.spawn(argument).get(timeout=PATIENCE) if how == "spawn" else call.remote(argument)
        ) == "done"


def test_cancel(deployed: Emulator) -> None:
    """A cancelled call has no result, and frees its container."""
    call = function("sleep").spawn(600)
    with pytest.raises(TimeoutError):
        call.get(timeout=0.1)
    call.cancel()
    with pytest.raises(modal.exception.RemoteError):
        call.get(timeout=PATIENCE)


def test_a_container_that_dies(deployed: Emulator) -> None:
    """The input it had fails, and the error says how it ended."""
    with pytest.raises(modal.exception.InternalFailure, match="code 3"):
        function("die").remote()


def test_a_schedule_is_shown(deployed: Emulator) -> None:
    """Cron is kept with the function."""
    shown = function("nightly").hydrate().info()
    assert shown.schedule == "Cron('0 3 * * *', UTC)"


def test_names_that_are_not_there(deployed: Emulator) -> None:
    """Neither a wrong app nor a wrong function is found."""
    for app, name in (("sample", "nothing"), ("nothing", "square")):
        with pytest.raises(modal.exception.NotFoundError):
            modal.Function.from_name(app, name).hydrate()


def stopped_apps() -> int:
    """Apps that have ended, of this and of other tests."""
    apps = json.loads(modal_command("app", "list", "--json").stdout)
    return sum(app["state"] == "stopped" for app in apps)


def test_run(deployed: Emulator) -> None:
    """`modal run` shows what the function printed, prints the entrypoint's result, and ends its app."""
    before = stopped_apps()
    done = modal_command("run", "sample_app.py", "--number", "6")
    assert done.returncode == 0, done.stderr
    assert "said in the container" in done.stdout
    assert "complained in the container" in done.stdout + done.stderr
    assert "square of 6 is 36" in done.stdout
    assert "App completed" in done.stdout
    assert stopped_apps() == before + 1


def test_run_a_function(deployed: Emulator) -> None:
    """`modal run FILE::FUNCTION` runs one function with arguments from the command line."""
    done = modal_command("run", "sample_app.py::talk", "--number", "5")
    assert done.returncode == 0, done.stderr
    assert "said in the container" in done.stdout


def test_deploying_again_keeps_ids(deployed: Emulator) -> None:
    """A second deployment replaces the functions under their ids."""
    before = function("square").hydrate().object_id
    assert modal_command("deploy", "-m", "sample_app").returncode == 0
    assert function("square").hydrate().object_id == before


def test_an_app_that_cannot_be_imported_where_it_runs(
    deployed: Emulator, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The error of the import reaches the caller."""
    source = "import modal\nif not modal.is_local():\n    import no_such_module\napp = modal.App('broken')\n"
    source += "@app.function()\ndef run():\n    pass\n"
    (tmp_path / "broken_app.py").write_text(source, encoding="utf-8")
    done = subprocess.run(
        [sys.executable, "-m", "modal", "deploy", "broken_app.py"],
        cwd=tmp_path,
        capture_output=True,
        check=False,
    )
    assert done.returncode == 0
    with pytest.raises(ModuleNotFoundError, match="no_such_module"):
        modal.Function.from_name("broken", "run").remote()
    stopped = modal_command("app", "stop", "broken", "--yes")
    assert stopped.returncode == 0, stopped.stderr
    with pytest.raises(modal.exception.NotFoundError):
        modal.Function.from_name("broken", "run").hydrate()
