"""A session that outlives its worker.

A worker dies of what model-written code does to it: memory, a loop that has to be killed, a crash. Every block, every
variable handed in and every result of a host function is kept on the host, so a new worker can be brought to where the
old one was: earlier blocks are run again and get the same results from the log, in the same order. The block that
killed the worker is not run again.
"""

import hashlib
import json
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import Any, Protocol

from data_models.errors import RlmContextError
from rlm.errors import SandboxError
from rlm.sandbox.protocol import Call, Outcome, SandboxLimits
from rlm.values import plain

_STARTS = 3


class WorkerLost(Exception):  # noqa: N818  (an event, answered by a new worker)
    """The worker is dead or its state cannot be trusted any more.

    Args:
        reason: for the model: what its code did.
        output: what it had printed.
    """

    def __init__(self, reason: str, output: str = "") -> None:
        super().__init__(reason)
        self.reason = reason
        self.output = output


class HostFunctionError(Exception):
    """What a host function raised, made fit for the sandbox: the text is all that crosses."""


class Worker(Protocol):
    """One interpreter in a process of its own. Every method may raise `WorkerLost`."""

    async def run(self, code: str, call: Call) -> Outcome:
        """Run a block. `call` raises nothing but `HostFunctionError` and cancellation."""
        ...

    async def assign(self, name: str, value: Any) -> None:
        """Set a variable."""
        ...

    async def value(self, name: str) -> Any:
        """A variable, or None."""
        ...

    async def close(self) -> None:
        """End the process, whatever it is doing."""
        ...


@dataclass(slots=True)
class _Logged:
    """A block that was run, or a variable that was set, with the calls of host functions and their results."""

    code: str
    value: Any = None
    name: str = ""
    calls: list[tuple[str, Any]] = field(default_factory=list)


class ReplayingSession:
    """A `Session` over workers that may die.

    Args:
        start: makes a worker.
        call: answers host functions.
        limits: of the session.
    """

    def __init__(self, start: Callable[[], Awaitable[Worker]], call: Call, limits: SandboxLimits) -> None:
        self._start = start
        self._call = call
        self._limits = limits
        self._worker: Worker | None = None
        self._log: list[_Logged] = []

    async def run(self, code: str) -> Outcome:
        """Run a block, in a new worker where the old one is gone."""
        worker = await self._ready()
        logged = _Logged(code)
        try:
            outcome = await worker.run(code, self._recording(logged))
        except WorkerLost as lost:
            state = await self._recover()
            return Outcome(lost.output, lost.reason, state)
        self._log.append(logged)
        return outcome

    async def assign(self, name: str, value: Any) -> None:
        """Set a variable.

        Raises:
            SandboxError: the value is too large for the sandbox.
        """
        worker = await self._ready()
        try:
            await worker.assign(name, value)
        except WorkerLost as lost:
            await self._recover()
            raise SandboxError(f"the value of {name} does not fit into the sandbox") from lost
        self._log.append(_Logged("", value, name))

    async def value(self, name: str) -> Any:
        """A variable as a plain value, or None."""
        worker = await self._ready()
        try:
            return plain(await worker.value(name), self._limits.value_chars)
        except ValueError:
            return None
        except WorkerLost:
            await self._recover()
            return None

    async def close(self) -> None:
        """End the worker."""
        if self._worker is not None:
            await self._worker.close()
            self._worker = None

    async def _ready(self) -> Worker:
        if self._worker is None:
            self._worker = await self._start()
        return self._worker

    async def _recover(self) -> Any:
        """Bring a new worker to where the old one was; give up on the variables if that kills it too."""
        for _ in range(_STARTS):
            await self.close()
            try:
                await self._replay(await self._ready())
            except WorkerLost:
                continue
            return "replayed"
        # What was handed in is kept, blocks are not: one of them kills workers now and then.
        self._log = [logged for logged in self._log if logged.name]
        await self.close()
        try:
            await self._replay(await self._ready())
        except WorkerLost as lost:
            raise SandboxError("the sandbox dies again and again") from lost
        return "lost"

    async def _replay(self, worker: Worker) -> None:
        for logged in self._log:
            if logged.name:
                await worker.assign(logged.name, logged.value)
            else:
                await worker.run(logged.code, self._replaying(logged))

    def _recording(self, logged: _Logged) -> Call:
        async def call(name: str, args: list[Any], kwargs: dict[str, Any]) -> Any:
            if len(logged.calls) >= 2 * self._limits.calls:
                raise WorkerLost(f"stopped: it called host functions {len(logged.calls):,} times")
            digest, asked = self._asked(name, args, kwargs)
            if len(logged.calls) >= self._limits.calls:
                asked = HostFunctionError(f"more than {self._limits.calls:,} calls in one block")
            result = await self._settled(name, asked)
            logged.calls.append((digest, result))
            return _unwrapped(result)

        return call

    def _replaying(self, logged: _Logged) -> Call:
        waiting = iter(logged.calls)

        async def call(name: str, args: list[Any], kwargs: dict[str, Any]) -> Any:
            digest, asked = self._asked(name, args, kwargs)
            then, result = next(waiting, ("", None))
            if then != digest:
                result = await self._settled(name, asked)
            return _unwrapped(result)

        return call

    def _asked(self, name: str, args: list[Any], kwargs: dict[str, Any]) -> tuple[str, Any]:
        """The identity of a call, and its arguments as plain data or why they are refused."""
        try:
            asked = plain([args, kwargs], self._limits.value_chars)
        except ValueError as error:
            return "", HostFunctionError(f"{name}: {error}")
        text = json.dumps([name, asked], sort_keys=True)
        return hashlib.sha256(text.encode()).hexdigest(), asked

    async def _settled(self, name: str, asked: Any) -> Any:
        """The result of a host function as plain data of bounded size, or its error as a value."""
        if isinstance(asked, HostFunctionError):
            return asked
        try:
            return plain(await self._call(name, *asked), self._limits.value_chars)
        except Exception as error:  # noqa: BLE001  (whatever a tool raises is the code's to handle, as a text)
            return HostFunctionError(_message(error))


def _message(error: Exception) -> str:
    """What may be said of an error inside: of unforeseen ones only the kind, since their text may hold anything."""
    if isinstance(error, RlmContextError | ValueError | TypeError | LookupError):
        return f"{type(error).__name__}: {error}"
    return type(error).__name__


def _unwrapped(result: Any) -> Any:
    if isinstance(result, HostFunctionError):
        raise result
    return result
