"""A process whose outputs can be read from any offset, and to which what is sent twice is written once."""

import asyncio
import os
import signal
from collections.abc import AsyncIterator
from contextlib import suppress
from pathlib import Path

from grpclib import GRPCError, Status

from tests.modal_emulator.bell import Bell

FOREVER_S = 3600.0


class Output:
    """All that came out of one stream so far."""

    def __init__(self) -> None:
        self.data = bytearray()
        self.ended = False
        self.bell = Bell()

    async def collect(self, stream: asyncio.StreamReader | None) -> None:
        """Keep what comes, until the end."""
        while stream and (data := await stream.read(65536)):
            self.data += data
            self.bell.ring()
        self.ended = True
        self.bell.ring()

    async def read(self, offset: int) -> AsyncIterator[bytes]:
        """What came after `offset`, and what comes."""
        while True:
            if offset < len(self.data):
                data = bytes(self.data[offset:])
                offset += len(data)
                yield data
            elif self.ended:
                return
            else:
                await self.bell.wait(FOREVER_S)


class Process:
    """One process. `code` is as Python gives it: negative for a signal, None while it runs."""

    def __init__(self, process: asyncio.subprocess.Process) -> None:
        self._process = process
        self.stdout = Output()
        self.stderr = Output()
        self.written = 0
        self.closed = False
        self._collecting = asyncio.gather(
            self.stdout.collect(process.stdout), self.stderr.collect(process.stderr)
        )

    @classmethod
    async def start(
        cls, command: list[str], environment: dict[str, str], folder: Path, timeout: int = 0
    ) -> "Process":
        """Run a command; after `timeout` seconds, if any, it is killed.

        Raises:
            OSError: There is no such program or folder.
        """
        process = await asyncio.create_subprocess_exec(
            *command,
            env=environment,
            cwd=folder,
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.PIPE,
            start_new_session=True,
        )
        started = cls(process)
        if timeout:
            asyncio.get_running_loop().call_later(timeout, started.kill)
        return started

    @property
    def code(self) -> int | None:
        return self._process.returncode

    async def wait(self) -> int:
        """Its end, and the end of its outputs."""
        # A caller who goes away does not take the others' outputs along.
        await asyncio.shield(self._collecting)
        code = await self._process.wait()
        if self._process.stdin:
            self._process.stdin.close()
        return code

    def kill(self) -> None:
        """End it and all it started."""
        if self._process.returncode is None:
            with suppress(ProcessLookupError):
                os.killpg(self._process.pid, signal.SIGKILL)

    async def write(self, offset: int, data: bytes, *, end: bool) -> None:
        """Write to its input what of `data`, which begins at `offset`, was not written before."""
        if offset > self.written:
            raise GRPCError(Status.FAILED_PRECONDITION, f"written so far: {self.written}, not {offset}")
        fresh = data[self.written - offset :]
        stdin = self._process.stdin
        assert stdin is not None
        if fresh and self.closed:
            raise GRPCError(Status.FAILED_PRECONDITION, "stdin is closed")
        self.written += len(fresh)
        # A process that no longer reads is its own affair: the client asks how it ended.
        with suppress(BrokenPipeError, ConnectionResetError):
            stdin.write(fresh)
            await stdin.drain()
        if end and not self.closed:
            self.closed = True
            stdin.close()
