"""The host's side of an interpreter that runs `rlm/sandbox/worker.py` behind some pipe.

Frames are four bytes of length (big-endian) and JSON. Ours carry the nonce; the worker's carry the nonce and the
number of our request. Model-written code shares the worker's process and can write frames as well as the worker does,
so every frame is checked as hostile: what is not one of ours, in shape, size or nonce, costs the worker its life.
"""

import asyncio
import json
import secrets
import struct
from time import monotonic
from typing import Any, Protocol, Self

from rlm.errors import SandboxError
from rlm.sandbox.protocol import Call, Outcome, SandboxLimits
from rlm.sandbox.replay import HostFunctionError, WorkerLost

START_SECONDS = 20.0
"""Until the worker has confined itself, and for whatever is sent to it besides its bytes."""

_SLOWEST = 1_000_000
"""Bytes per second that are waited for."""


class Pipe(Protocol):
    """Bytes to and from a worker. What is wrong with it is raised as OSError, its end as EOFError or OSError."""

    async def read(self, size: int) -> bytes:
        """Exactly so many bytes."""
        ...

    async def write(self, data: bytes) -> None:
        """Send all of it."""
        ...

    async def close(self) -> None:
        """End the worker, whatever it is doing."""
        ...


class FramedWorker:
    """One interpreter in a place of its own; a `rlm.sandbox.replay.Worker`.

    Args:
        pipe: leads to it.
        limits: of the session.
    """

    def __init__(self, pipe: Pipe, limits: SandboxLimits) -> None:
        self._pipe = pipe
        self._limits = limits
        self._nonce = secrets.token_hex(16)
        self._left = START_SECONDS
        self._request = 0

    @classmethod
    async def start(
        cls, pipe: Pipe, limits: SandboxLimits, names: list[str], filter_program: str = ""
    ) -> Self:
        """Greet the worker and wait until it has confined itself; the pipe is closed where it does not.

        Args:
            pipe: leads to a worker that has just begun.
            limits: of the session.
            names: the host functions' names.
            filter_program: the seccomp filter it puts itself under, as base64; "" for none.

        Raises:
            SandboxError: it does not start.
        """
        worker = cls(pipe, limits)
        try:
            await worker._send(
                names=names,
                memory=limits.memory_bytes,
                recursion=limits.recursion,
                output=limits.output_chars,
                filter=filter_program,
            )
            await worker._receive("ready")
        except WorkerLost as lost:
            await worker.close()
            raise SandboxError(f"the sandbox does not start: {lost.reason}") from lost
        except BaseException:
            await worker.close()
            raise
        return worker

    async def run(self, code: str, call: Call) -> Outcome:
        """See `Worker.run`."""
        await self._ask(do="run", code=code)
        while (frame := await self._receive("call", "done"))["kind"] == "call":
            await self._send(**await _answer(call, frame))
        return Outcome(_text(frame.get("output")), _text(frame.get("error")) or None)

    async def assign(self, name: str, value: Any) -> None:
        """See `Worker.assign`."""
        await self._ask(do="assign", name=name, value=value)
        await self._receive("done")

    async def value(self, name: str) -> Any:
        """See `Worker.value`."""
        await self._ask(do="value", name=name)
        return (await self._receive("value")).get("value")

    async def close(self) -> None:
        """See `Worker.close`."""
        await self._pipe.close()

    async def _ask(self, **fields: Any) -> None:
        """A new request, with time of its own."""
        self._left = self._limits.step_seconds
        self._request += 1
        await self._send(request=self._request, **fields)

    async def _send(self, **fields: Any) -> None:
        data = json.dumps({"nonce": self._nonce, **fields}).encode()
        seconds = START_SECONDS + len(data) / _SLOWEST
        try:
            await asyncio.wait_for(self._pipe.write(struct.pack(">I", len(data)) + data), seconds)
        except (OSError, TimeoutError) as error:
            raise WorkerLost("the interpreter was ended by what the code did") from error

    async def _receive(self, *kinds: str) -> dict[str, Any]:
        """The next frame of this request: forged answers leave the true one behind, which is then out of date."""
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
                [size] = struct.unpack(">I", await self._pipe.read(4))
                if size > 6 * self._limits.value_chars:
                    raise WorkerLost(f"a value of {size:,} bytes is too large to leave the sandbox")
                frame = json.loads(await self._pipe.read(size))
        except TimeoutError as error:
            seconds = self._limits.step_seconds
            raise WorkerLost(f"TimeoutError: stopped after {seconds:g} s") from error
        except (OSError, EOFError) as error:
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
