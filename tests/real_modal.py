"""What only Modal itself can tell of volume, app and sandbox: `python -m tests.real_modal`, with a token.

It works in a volume and an app of its own, on invented sessions, costs about a cent, and removes both at its end. Each
line says what was asked and the answer; the exit code is 1 where an answer is not what the project relies on. The
image is built first, which takes minutes the first time.
"""

import asyncio
import io
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, redirect_stderr, redirect_stdout
from pathlib import Path
from uuid import uuid4

import modal
import msgspec

NAME = f"rlm-context-check-{uuid4().hex[:8]}"
ROOT = Path(__file__).parents[1]
PROJECT = "acme/shop"
SESSIONS = 24
REACH = (
    "import os, socket\n"
    "print(sorted(set(os.environ) - {'LC_CTYPE'}))\n"
    "for host in ('1.1.1.1', '8.8.8.8'):\n"
    "    try:\n"
    "        socket.create_connection((host, 53), timeout=3)\n"
    "        print('reached', host)\n"
    "    except OSError:\n"
    "        pass"
)


def main() -> int:
    """Ask everything; 0 where all answers fit."""
    with tempfile.TemporaryDirectory() as folder, _own_place(Path(folder)):
        # The contracts come last: of what they delete, empty folders stay, and no store is made beside those.
        checks = (app_answers, batches_go_out, sandbox_is_closed, volume_keeps_contracts)
        answers = [_asked(check, Path(folder)) for check in checks]
    return 0 if all(answers) else 1


def app_answers(folder: Path) -> str:
    """The image builds, a function imports the project, reads the mount and the store, and its error arrives."""
    from compiler.runtime import open_runtime
    from compiler.uploading.upload import upload
    from data_models.errors import NotFoundError
    from tests.synthetic import write_team

    _modal("deploy", "-m", "flows.modal_app")
    upload(open_runtime(), [write_team(folder / "team", SESSIONS)], project=PROJECT)
    begun = time.monotonic()
    report = msgspec.json.decode(_function("compile").remote(PROJECT))
    assert report["sessions"]["new"] == SESSIONS, report
    try:
        _function("compile").remote("acme/nothing")
    except NotFoundError:
        return f"{SESSIONS} sessions compiled in {time.monotonic() - begun:.1f} s, containers included"
    raise AssertionError("an error of ours did not arrive")


def batches_go_out(folder: Path) -> str:
    """A compile here sends its batches there; what comes back is what this process makes."""
    from compiler.pipeline import compile_project
    from compiler.runtime import open_runtime
    from compiler.steps import DirectSteps
    from compiler.uploading.upload import upload
    from tasks.modal import ModalSteps
    from tests.flows.same import hits, made

    away = open_runtime()
    begun = time.monotonic()
    asyncio.run(compile_project(away, PROJECT, ModalSteps(away), full=True))
    seconds = time.monotonic() - begun
    os.environ["RLM_CONTEXT_STORE"] = str(folder / "here")
    here = open_runtime()
    upload(here, [folder / "team"], project=PROJECT)
    asyncio.run(compile_project(here, PROJECT, DirectSteps(here)))
    os.environ["RLM_CONTEXT_STORE"] = f"modal://{NAME}"
    assert made(away, PROJECT) == made(here, PROJECT)
    assert hits(away, PROJECT) == hits(here, PROJECT)
    return f"the same hashes and hits; the compile took {seconds:.1f} s"


def sandbox_is_closed(_: Path) -> str:
    """A sandbox starts, runs code, has neither network nor variables, and is replaced when a block never ends."""
    from rlm.sandbox.modal import ModalSandbox
    from rlm.sandbox.protocol import SandboxLimits

    async def nothing(name: str, args: list[object], kwargs: dict[str, object]) -> object:
        return name

    async def run() -> str:
        async with ModalSandbox(SandboxLimits(step_seconds=15)).pool(1) as pool:
            begun = time.monotonic()
            async with pool.session(nothing, ["name"]) as session:
                first = await session.run("n = name()")
                started = time.monotonic() - begun
                assert first.error is None, first
                closed = await session.run(REACH)
                assert closed.output == "[]\n", closed
                stopped = await session.run("while True: pass")
                assert stopped.state == "replayed", stopped
                assert (await session.run("print(n)")).output == "name\n"
        return f"closed; the first block took {started:.1f} s"

    return asyncio.run(run())


def volume_keeps_contracts(_: Path) -> str:
    """The volume does what a store must do, as `python -m tests.store.against` asks."""
    from tests.store import against

    told, begun = io.StringIO(), time.monotonic()
    with redirect_stdout(told), redirect_stderr(told):
        failed = against.main(f"modal://{NAME}/contracts")
    lines = told.getvalue().splitlines()
    assert not failed, "\n".join(lines)
    passed = sum(line.startswith("passed") for line in lines)
    return f"{passed} contracts in {time.monotonic() - begun:.1f} s"


def _asked(check: Callable[[Path], str], folder: Path) -> bool:
    question = (check.__doc__ or "").strip()
    try:
        print(f"yes  {question} ({check(folder)})", flush=True)
    except Exception as error:  # noqa: BLE001  (whatever goes wrong is the answer)
        print(f"NO   {question} ({type(error).__name__}: {error})", flush=True)
        return False
    return True


@contextmanager
def _own_place(folder: Path) -> Iterator[None]:
    """A home, a volume and an app of our own, gone at the end."""
    for name in [name for name in os.environ if name.startswith("RLM_CONTEXT_")]:
        del os.environ[name]
    os.environ |= {
        "RLM_CONTEXT_HOME": str(folder / "home"),
        "RLM_CONTEXT_STORE": f"modal://{NAME}",
    }
    _modal("volume", "create", NAME, "--version", "2")
    try:
        yield
    finally:
        subprocess.run([sys.executable, "-m", "modal", "app", "stop", NAME, "--yes"], check=False)
        _modal("volume", "delete", NAME, "--yes")


def _modal(*arguments: str) -> None:
    subprocess.run(
        [sys.executable, "-m", "modal", *arguments], cwd=ROOT, check=True, stdout=subprocess.DEVNULL
    )


def _function(name: str) -> modal.Function:
    return modal.Function.from_name(NAME, name)


if __name__ == "__main__":
    sys.exit(main())
