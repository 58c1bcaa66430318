"""The jail: CPython in bubblewrap and seccomp. The whole language, on Linux.

What holds: own user, process, network, IPC, host-name and cgroup namespaces; no capabilities; no environment; a root
that shows the interpreter, its library and the system's shared libraries and that nothing can write to; an allow-list
of system calls without processes, threads and sockets, from which even `execve` is gone once the worker has started;
limits on memory, time, output, host calls and the size of what crosses. A killed worker is replaced.

What it does NOT cover:
- Model-written code shares its process with the worker. It can forge frames of the protocol, that is: call the host
  functions it may call anyway, and print what it may print anyway. The nonce keeps accidents apart, not attackers;
  what protects is that the host checks every frame as hostile and accepts JSON only.
- A hole in the kernel behind one of the allowed system calls.
- CPU time is limited a block, not over all blocks; cgroups are not used.
- Files of /usr/lib can be read: which packages this machine has is no secret inside.
- Timing side channels. It needs unprivileged user namespaces (or root) and is untested in containers.
"""

import asyncio
import base64
import shutil
import socket
import sys
import sysconfig
import tempfile
from collections.abc import AsyncIterator, Collection
from contextlib import AbstractAsyncContextManager, asynccontextmanager, suppress
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from rlm.errors import SandboxError
from rlm.sandbox import seccomp
from rlm.sandbox.framed import FramedWorker
from rlm.sandbox.protocol import Call, Pool, SandboxLimits, Session
from rlm.sandbox.replay import ReplayingSession

LANGUAGE = (
    f"The REPL runs Python {sys.version_info.major}.{sys.version_info.minor} with its standard library. "
    "It has no files to write, no network, no processes and no threads."
)

_INSIDE = "/py"


class JailSandbox:
    """Runs model-written code with CPython in bubblewrap and seccomp.

    Args:
        limits: of each session.
    """

    name = "jail"
    language = LANGUAGE

    def __init__(self, limits: SandboxLimits | None = None) -> None:
        self.limits = limits or SandboxLimits()

    def pool(self, sessions: int) -> AbstractAsyncContextManager[Pool]:
        """Checks that the jail works here; each session starts its own process."""
        return _pool(self.limits)


def why_not() -> str | None:
    """What is missing on this machine, or None."""
    if not sys.platform.startswith("linux"):
        return "the jail needs Linux"
    if shutil.which("bwrap") is None:
        return "bubblewrap is missing (bwrap)"
    try:
        seccomp.program(seccomp.COMPUTE)
    except SandboxError as error:
        return error.message
    return None


@asynccontextmanager
async def _pool(limits: SandboxLimits) -> AsyncIterator[Pool]:
    if reason := why_not():
        raise SandboxError(
            reason, next_command="install bubblewrap and libseccomp2, or use the sandbox monty"
        )
    yield _JailPool(limits)


@dataclass(frozen=True, slots=True)
class _JailPool:
    limits: SandboxLimits

    @asynccontextmanager
    async def session(self, call: Call, names: Collection[str]) -> AsyncIterator[Session]:
        async def start() -> FramedWorker:
            filter_program = base64.b64encode(seccomp.program(seccomp.COMPUTE)).decode()
            return await FramedWorker.start(
                await _Process.start(), self.limits, sorted(names), filter_program
            )

        session = ReplayingSession(start, call, self.limits)
        try:
            yield session
        finally:
            await session.close()


class _Process:
    """A `Pipe` to a process in the jail."""

    def __init__(
        self,
        process: asyncio.subprocess.Process,
        reader: asyncio.StreamReader,
        writer: asyncio.StreamWriter,
    ) -> None:
        self._process = process
        self._reader = reader
        self._writer = writer

    @classmethod
    async def start(cls) -> "_Process":
        ours, theirs = socket.socketpair()
        try:
            process = await _spawned(theirs)
            try:
                return cls(process, *await asyncio.open_connection(sock=ours))
            except BaseException:
                await _ended(process)
                raise
        except BaseException:  # whoever wanted it may have gone away meanwhile
            ours.close()
            raise

    async def read(self, size: int) -> bytes:
        return await self._reader.readexactly(size)

    async def write(self, data: bytes) -> None:
        self._writer.write(data)
        await self._writer.drain()

    async def close(self) -> None:
        self._writer.close()
        await _ended(self._process)


async def _spawned(theirs: socket.socket) -> asyncio.subprocess.Process:
    """A process in the jail at the other end of `theirs`, which is closed here."""
    with theirs, tempfile.TemporaryFile() as program:
        program.write(seccomp.program(seccomp.COMPUTE + seccomp.START))
        program.seek(0)
        return await asyncio.create_subprocess_exec(
            *_command(program.fileno(), theirs.fileno()),
            stdin=asyncio.subprocess.DEVNULL,
            stdout=asyncio.subprocess.DEVNULL,
            stderr=asyncio.subprocess.DEVNULL,
            env={},
            pass_fds=(program.fileno(), theirs.fileno()),
        )


async def _ended(process: asyncio.subprocess.Process) -> None:
    """End a process, whatever it is doing."""
    if process.returncode is None:
        with suppress(ProcessLookupError):
            process.kill()
    await process.wait()


def _command(filter_descriptor: int, socket_descriptor: int) -> list[str]:
    return [*_jail(), "--seccomp", str(filter_descriptor), *_interpreter(), str(socket_descriptor)]


@cache
def _jail() -> tuple[str, ...]:
    """bubblewrap and what it shows. The interpreter gets a path of its own, so the user's is not told."""
    version = f"python{sys.version_info.major}.{sys.version_info.minor}"
    library = Path(sysconfig.get_path("stdlib", vars={"installed_base": sys.base_prefix})).resolve()
    executable = Path(getattr(sys, "_base_executable", sys.executable)).resolve()
    inside = f"{_INSIDE}/lib/{version}"
    shown = ["--ro-bind", str(library), inside, "--ro-bind", str(executable), f"{_INSIDE}/bin/{version}"]
    shown += ["--ro-bind", str(Path(__file__).with_name("worker.py")), f"{_INSIDE}/worker.py"]
    if (library / "site-packages").is_dir():
        shown += ["--tmpfs", f"{inside}/site-packages", "--remount-ro", f"{inside}/site-packages"]
    for folder in ("/lib", "/lib64", "/usr/lib", "/usr/lib64"):
        shown += ["--ro-bind-try", folder, folder]
    # The interpreter's own libpython, where it has one.
    for file in Path(sysconfig.get_config_var("LIBDIR") or "/usr/lib").glob(f"lib{version}*.so*"):
        shown += ["--ro-bind", str(file), f"{_INSIDE}/lib/{file.name}"]
    bwrap = shutil.which("bwrap") or "bwrap"
    return (
        bwrap,
        *("--unshare-all", "--unshare-user", "--disable-userns", "--as-pid-1", "--new-session"),
        *("--die-with-parent", "--clearenv", "--uid", "65534", "--gid", "65534", "--cap-drop", "ALL"),
        *shown,
        *("--setenv", "LD_LIBRARY_PATH", f"{_INSIDE}/lib", "--remount-ro", "/", "--chdir", "/"),
    )


def _interpreter() -> tuple[str, ...]:
    version = f"python{sys.version_info.major}.{sys.version_info.minor}"
    return (f"{_INSIDE}/bin/{version}", "-I", "-S", "-B", f"{_INSIDE}/worker.py")
