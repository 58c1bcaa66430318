"""Modal's sandboxes: CPython in a container elsewhere, without network, secrets or environment.

Every session has a container of its own, because only that can be ended for certain; calls of host functions, and so
of models, come back over stdout and are answered here. What holds is what Modal holds (gVisor, as its documentation
says), and `block_network`; the worker adds limits on memory and descriptors. A container that ended is replaced.

What it does NOT cover, besides what `rlm.sandbox.jail` says of forged frames:
- What Modal itself can see: the code, what it is given, and what it prints.
- Processes, threads and files inside the container: the code may use what there is, until it is thrown away.
- Time: an answer takes the way there and back, which counts as the block's time.
"""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Collection
from contextlib import AbstractAsyncContextManager, asynccontextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

import modal
from grpclib.exceptions import GRPCError, StreamTerminatedError
from modal.container_process import ContainerProcess
from modal.stream_type import StreamType

from rlm.errors import SandboxError
from rlm.sandbox.framed import FramedWorker
from rlm.sandbox.protocol import Call, Pool, SandboxLimits, Session
from rlm.sandbox.replay import ReplayingSession

_T = TypeVar("_T")

APP = "rlm-context-sandbox"
"""The app that the containers belong to; it is made where there is none."""

_LANGUAGE = (
    "The REPL runs Python 3.11 with its standard library. It has no network; files that it writes are lost."
)
_PATIENCE = 60.0
"""Seconds for one call of Modal's client, which by itself goes on for nearly a minute where nothing answers."""
_LIFETIME = 3600
"""Seconds after which Modal ends a container, should nobody else; a session that goes on gets another."""
_PART = 1 << 20
_MIB = 1 << 20
_FAILURES = (modal.exception.Error, GRPCError, StreamTerminatedError, OSError)

# The worker's variables: none, since Modal's own tell of the account and the place.
_BARE = 'import os, sys; os.execve(sys.executable, [sys.executable, "-ISB", "-c", sys.argv[1]], {})'


class ModalSandbox:
    """Runs model-written code in containers on Modal; needs an account's token.

    Args:
        limits: of each session.
    """

    name = "modal"
    language = _LANGUAGE

    def __init__(self, limits: SandboxLimits | None = None) -> None:
        self.limits = limits or SandboxLimits()

    def pool(self, sessions: int) -> AbstractAsyncContextManager[Pool]:
        """Looks up the app; each session starts a container."""
        return _pool(self.limits)


@asynccontextmanager
async def _pool(limits: SandboxLimits) -> AsyncIterator[Pool]:
    yield _ModalPool(limits, await _started(modal.App.lookup.aio(APP, create_if_missing=True)))


@dataclass(frozen=True, slots=True)
class _ModalPool:
    limits: SandboxLimits
    app: modal.App

    @asynccontextmanager
    async def session(self, call: Call, names: Collection[str]) -> AsyncIterator[Session]:
        async def start() -> FramedWorker:
            pipe = await _Container.start(self.app, self.limits)
            return await FramedWorker.start(pipe, self.limits, sorted(names))

        session = ReplayingSession(start, call, self.limits)
        try:
            yield session
        finally:
            await session.close()


class _Container:
    """A `rlm.sandbox.framed.Pipe` to a worker in a container on Modal."""

    def __init__(self, sandbox: modal.Sandbox, process: ContainerProcess[bytes]) -> None:
        self._sandbox = sandbox
        self._process = process
        self._arriving = aiter(process.stdout)
        self._arrived = bytearray()

    @classmethod
    async def start(cls, app: modal.App, limits: SandboxLimits) -> "_Container":
        room = 2 * limits.memory_bytes // _MIB
        sandbox = await _started(
            modal.Sandbox.create.aio(
                app=app,
                image=modal.Image.debian_slim(python_version="3.11"),
                block_network=True,
                timeout=_LIFETIME,
                memory=(room // 2, room),
            )
        )
        source = Path(__file__).with_name("worker.py").read_text(encoding="utf-8")
        command = ("python", "-ISB", "-c", _BARE, source)
        try:
            process = await _started(sandbox.exec.aio(*command, text=False, stderr=StreamType.DEVNULL))
        except BaseException:
            await _end(sandbox)
            raise
        return cls(sandbox, process)

    async def read(self, size: int) -> bytes:
        # Pulled as it is needed: whoever floods stdout fills no memory here.
        while len(self._arrived) < size:
            try:
                self._arrived += await anext(self._arriving)
            except StopAsyncIteration as end:
                raise EOFError("the worker has ended") from end
            except _FAILURES as error:
                raise OSError(type(error).__name__) from error
        data = bytes(self._arrived[:size])
        del self._arrived[:size]
        return data

    async def write(self, data: bytes) -> None:
        try:
            for at in range(0, len(data), _PART):
                self._process.stdin.write(data[at : at + _PART])
                await self._process.stdin.drain.aio()
        except (*_FAILURES, ValueError) as error:
            raise OSError(type(error).__name__) from error

    async def close(self) -> None:
        await _end(self._sandbox)


async def _started(work: Awaitable[_T]) -> _T:
    """The result of a call that starts something.

    Raises:
        SandboxError: Modal refuses, or does not answer in time.
    """
    try:
        return await asyncio.wait_for(work, _PATIENCE)
    except modal.exception.AuthError as error:
        raise SandboxError("Modal does not accept the token", next_command="modal token new") from error
    except _FAILURES as error:
        raise SandboxError(
            f"Modal starts no sandbox ({type(error).__name__})",
            next_command="check the network and status.modal.com, or use the sandbox monty",
        ) from error


async def _end(sandbox: modal.Sandbox) -> None:
    """End a container. One that cannot be reached is ended by Modal after its lifetime."""
    with suppress(*_FAILURES):
        await asyncio.wait_for(sandbox.terminate.aio(), _PATIENCE)
