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
import json
import secrets
import shutil
import socket
import struct
import sys
import sysconfig
import tempfile
from collections.abc import AsyncIterator, Collection
from contextlib import AbstractAsyncContextManager, asynccontextmanager, suppress
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from time import monotonic
from typing import Any

from rlm.errors import SandboxError
from rlm.sandbox import seccomp
from rlm.sandbox.protocol import Call, Outcome, Pool, SandboxLimits, Session
from rlm.sandbox.replay import HostFunctionError, ReplayingSession, WorkerLost

LANGUAGE = (
    f"The REPL runs Python {sys.version_info.major}.{sys.version_info.minor} with its standard library. "
    "It has no files to write, no network, no processes and no threads."
)

_START_SECONDS = 20.0
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
        async def start() -> _JailWorker:
            return await _JailWorker.start(self.limits, sorted(names))

        session = ReplayingSession(start, call, self.limits)
        try:
            yield session
        finally:
            await session.close()


class _JailWorker:
    """One process in the jail."""

    def __init__(
        self,
        limits: SandboxLimits,
        process: asyncio.subprocess.Process,
        reader: asyncio.StreamReader,
        writer: asyncio.StreamWriter,
    ) -> None:
        self._limits = limits
        self._process = process
        self._reader = reader
        self._writer = writer
        self._nonce = secrets.token_hex(16)
        self._left = _START_SECONDS
        self._request = 0

    @classmethod
    async def start(cls, limits: SandboxLimits, names: list[str]) -> "_JailWorker":
        """Start the process and wait until it has confined itself.

        Raises:
            SandboxError: it does not start.
        """
        ours, theirs = socket.socketpair()
        with theirs, tempfile.TemporaryFile() as program:
            program.write(seccomp.program(seccomp.COMPUTE + seccomp.START))
            program.seek(0)
            process = await asyncio.create_subprocess_exec(
                *_command(program.fileno(), theirs.fileno()),
                stdin=asyncio.subprocess.DEVNULL,
                stdout=asyncio.subprocess.DEVNULL,
                stderr=asyncio.subprocess.DEVNULL,
                env={},
                pass_fds=(program.fileno(), theirs.fileno()),
            )
        worker = cls(limits, process, *await asyncio.open_connection(sock=ours))
        try:
            await worker._send(
                names=names,
                memory=limits.memory_bytes,
                recursion=limits.recursion,
                output=limits.output_chars,
                filter=base64.b64encode(seccomp.program(seccomp.COMPUTE)).decode(),
            )
            await worker._receive("ready")
        except WorkerLost as lost:
            await worker.close()
            raise SandboxError(f"the jail does not start: {lost.reason}") from lost
        except BaseException:
            await worker.close()
            raise
        return worker

    async def run(self, code: str, call: Call) -> Outcome:
        await self._ask(do="run", code=code)
        while (frame := await self._receive("call", "done"))["kind"] == "call":
            await self._send(**await _answer(call, frame))
        return Outcome(_text(frame.get("output")), _text(frame.get("error")) or None)

    async def assign(self, name: str, value: Any) -> None:
        await self._ask(do="assign", name=name, value=value)
        await self._receive("done")

    async def value(self, name: str) -> Any:
        await self._ask(do="value", name=name)
        return (await self._receive("value")).get("value")

    async def close(self) -> None:
        self._writer.close()
        if self._process.returncode is None:
            with suppress(ProcessLookupError):
                self._process.kill()
        await self._process.wait()

    async def _ask(self, **fields: Any) -> None:
        """A new request, with time of its own."""
        self._left = self._limits.step_seconds
        self._request += 1
        await self._send(request=self._request, **fields)

    async def _send(self, **fields: Any) -> None:
        data = json.dumps({"nonce": self._nonce, **fields}).encode()
        self._writer.write(struct.pack(">I", len(data)) + data)
        try:
            await asyncio.wait_for(self._writer.drain(), _START_SECONDS)
        except (OSError, TimeoutError) as error:
            raise WorkerLost("the interpreter was ended by what the code did") from error

    async def _receive(self, *kinds: str) -> dict[str, Any]:
        """The next frame of this request: forged answers leave the true one behind, which is then out of date.

        Whatever is not one of ours, in shape, size or nonce, costs the worker its life.
        """
        while True:
            frame = await self._frame()
            request = frame.get("request")
            if frame.get("nonce") != self._nonce or not isinstance(request, int) or request > self._request:
                raise WorkerLost("the code broke the sandbox's protocol")
            if request == self._request and frame.get("kind") in kinds:
                return frame
            if request == self._request:
                raise WorkerLost("the code broke the sandbox's protocol")

    async def _frame(self) -> dict[str, Any]:
        began = monotonic()
        try:
            async with asyncio.timeout(self._left):
                [size] = struct.unpack(">I", await self._reader.readexactly(4))
                if size > 6 * self._limits.value_chars:
                    raise WorkerLost(f"a value of {size:,} bytes is too large to leave the sandbox")
                frame = json.loads(await self._reader.readexactly(size))
        except TimeoutError as error:
            seconds = self._limits.step_seconds
            raise WorkerLost(f"TimeoutError: stopped after {seconds:g} s") from error
        except (OSError, asyncio.IncompleteReadError) as error:
            raise WorkerLost("the interpreter was ended by what the code did") from error
        except (ValueError, RecursionError) as error:
            raise WorkerLost("the code broke the sandbox's protocol") from error
        self._left -= monotonic() - began
        if not isinstance(frame, dict):
            raise WorkerLost("the code broke the sandbox's protocol")
        return frame


async def _answer(call: Call, frame: dict[str, Any]) -> dict[str, Any]:
    name, args, kwargs = frame.get("name"), frame.get("args"), frame.get("kwargs")
    if not (isinstance(name, str) and isinstance(args, list) and isinstance(kwargs, dict)):
        raise WorkerLost("the code broke the sandbox's protocol")
    try:
        return {"value": await call(name, args, kwargs), "error": None}
    except HostFunctionError as error:
        return {"value": None, "error": str(error)}


def _text(value: Any) -> str:
    return value.encode("utf-8", "replace").decode() if isinstance(value, str) else ""


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
    shown += ["--ro-bind", str(Path(__file__).with_name("jail_worker.py")), f"{_INSIDE}/worker.py"]
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
