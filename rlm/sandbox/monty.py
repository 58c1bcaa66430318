"""The default sandbox: pydantic-monty, a Python interpreter of its own in a worker process.

What holds: model-written code has no files, network, environment, processes or imports beyond monty's own modules;
time, memory, recursion, output, host calls and the size of what crosses are limited; a worker that dies is replaced.

What it does NOT cover:
- The worker process runs with the user's rights and environment, keys included. A hole in monty's interpreter (Rust,
  memory-safe but young) is a hole in the sandbox; where that is not enough, use `jail`.
- `memory_bytes` is monty's own count. One huge allocation can end the worker instead of raising MemoryError.
- A single long operation (a power of huge integers) is not interrupted, but killed 1 to 3 s after its time.
- CPU time is limited a block, not over all blocks; the run's wall time limits those.
- A worker outlives a killed host by what its block has left of `step_seconds`.
- Timing side channels. Windows and macOS are untested.

The synchronous pool is driven from threads: pydantic-monty 1.4.0's asynchronous one now and then aborts the process
when the interpreter ends (7 of 15 runs of a three-line program, exit status 134).
"""

import asyncio
import os
import signal
from collections.abc import AsyncIterator, Callable, Collection
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractAsyncContextManager, asynccontextmanager, suppress
from dataclasses import dataclass
from time import monotonic
from typing import Any, TypeVar

import pydantic_monty as monty

from rlm.errors import SandboxError
from rlm.sandbox.protocol import Call, Outcome, Pool, SandboxLimits, Session
from rlm.sandbox.replay import HostFunctionError, ReplayingSession, WorkerLost

T = TypeVar("T")

LANGUAGE = """\
The REPL runs a subset of Python 3. It has no `class` inheritance, no `yield`, no `del`, no properties, no unbound \
methods as values (write `lambda s: s.upper()`), no str.translate, no files and no network. Modules that exist: re, \
json, math, datetime, time, collections (Counter, defaultdict, deque, namedtuple), itertools, functools, random, \
hashlib, base64, bisect, unicodedata, copy, decimal, csv, dataclasses, typing. All others do not: no string, textwrap, \
statistics, heapq, operator, io. One unsupported statement keeps its whole block from running."""

_SUSPENSIONS = 1_000_000
_GRACE = 3.0


class MontySandbox:
    """Runs model-written code with pydantic-monty.

    Args:
        limits: of each session.
    """

    name = "monty"
    language = LANGUAGE

    def __init__(self, limits: SandboxLimits | None = None) -> None:
        self.limits = limits or SandboxLimits()

    def pool(self, sessions: int) -> AbstractAsyncContextManager[Pool]:
        """Worker processes and the threads that wait for them."""
        return _pool(sessions, self.limits)


@asynccontextmanager
async def _pool(sessions: int, limits: SandboxLimits) -> AsyncIterator[Pool]:
    with ThreadPoolExecutor(sessions + 1, thread_name_prefix="rlm-monty") as executor:
        threads = _Threads(executor)
        try:
            # One worker more than sessions: a dead one may still be on its way out when its successor starts.
            workers = monty.Monty(max_processes=sessions + 1, request_timeout=limits.step_seconds + _GRACE)
            await threads.run(workers.__enter__)
        except (OSError, RuntimeError, monty.MontyError) as error:  # OSError: its program is not installed
            raise SandboxError(f"monty does not start: {error}", next_command="rlm-context doctor") from error
        pool = _MontyPool(workers, threads, limits)
        try:
            yield pool
        finally:
            await pool.threads.run(lambda: workers.__exit__(None, None, None))


@dataclass(frozen=True, slots=True)
class _Threads:
    executor: ThreadPoolExecutor

    async def run(self, work: Callable[[], T]) -> T:
        return await asyncio.get_running_loop().run_in_executor(self.executor, work)


@dataclass(frozen=True, slots=True)
class _MontyPool:
    workers: monty.Monty
    threads: _Threads
    limits: SandboxLimits

    @asynccontextmanager
    async def session(self, call: Call, names: Collection[str]) -> AsyncIterator[Session]:
        async def start() -> _MontyWorker:
            worker = _MontyWorker(self, names)
            await worker.open()
            return worker

        session = ReplayingSession(start, call, self.limits)
        try:
            yield session
        finally:
            await session.close()


class _MontyWorker:
    """One checked-out worker process. Blocks are driven from suspension to suspension, so host functions look
    synchronous to the code while they run on the event loop."""

    def __init__(self, pool: _MontyPool, names: Collection[str]) -> None:
        self._pool = pool
        self._limits = pool.limits
        self._lookup: dict[str, Any] = dict.fromkeys(names, _placeholder)
        self._session = pool.workers.checkout(
            limits={
                "max_feed_duration_secs": self._limits.step_seconds,
                "max_turn_duration_secs": self._limits.step_seconds,
                "max_memory": self._limits.memory_bytes,
                "max_recursion_depth": self._limits.recursion,
                "max_suspensions": _SUSPENSIONS,
                "max_total_sleep_secs": 0.0,
            },
            # Nothing waits, and a replay draws the same random numbers.
            os_policy={"sleep": "zero", "random_start": {"seed": 0}},
        )
        self._pid: int | None = None
        self._open = False

    async def open(self) -> None:
        try:
            await self._pool.threads.run(self._session.__enter__)
        except (OSError, RuntimeError, monty.MontyError) as error:
            raise SandboxError(f"no monty worker: {error}") from error
        self._open = True
        self._pid = self._session.worker_pid

    async def run(self, code: str, call: Call) -> Outcome:
        printed = _Printed(self._limits.output_chars)
        # A value at the end of a block would be sent to the host for nothing.
        error = await self._guarded(lambda: self._drive(f"{code}\nNone", printed, call), printed)
        return Outcome(printed.text, error)

    async def assign(self, name: str, value: Any) -> None:
        printed = _Printed(0)
        error = await self._guarded(lambda: self._feed(f"{name} = _given\nNone", {"_given": value}), printed)
        if error:
            raise WorkerLost(error)

    async def value(self, name: str) -> Any:
        try:
            return await self._feed(name, {})
        except ValueError:
            return None
        except monty.MontyError as error:
            if isinstance(error, monty.MontyRuntimeError) and isinstance(error.exception(), NameError):
                return None
            # Too large to be handed over; the attempt may have cost the worker its heap.
            raise WorkerLost(str(error)) from error

    async def close(self) -> None:
        if self._open:
            self._open = False
            with suppress(monty.MontyError):
                await self._pool.threads.run(lambda: self._session.__exit__(None, None, None))

    async def _feed(self, code: str, inputs: dict[str, Any]) -> Any:
        return await self._step(
            lambda: self._session.feed_run(code, inputs=inputs, print_callback=_Printed(0).add)
        )

    async def _step(self, work: Callable[[], T]) -> T:
        try:
            return await self._pool.threads.run(work)
        except asyncio.CancelledError:
            # The thread ends only with what it waits for.
            if self._pid is not None:
                with suppress(ProcessLookupError):
                    os.kill(self._pid, signal.SIGKILL)
            raise

    async def _drive(self, code: str, printed: "_Printed", call: Call) -> None:
        session = self._session
        snapshot = await self._step(
            lambda: session.feed_start(code, external_lookup=self._lookup, print_callback=printed.add)
        )
        while not isinstance(snapshot, monty.MontyComplete):
            # Bound as a default below, so that each lambda keeps its own; mypy cannot type those.
            at = snapshot
            if isinstance(at, monty.FunctionSnapshot) and at.function_name in self._lookup:
                result = await _answer(call, at)
                snapshot = await self._step(lambda at=at, result=result: at.resume(result))  # type: ignore[misc]
            else:
                snapshot = await self._step(lambda at=at: at.resume_auto())  # type: ignore[misc]

    async def _guarded(self, work: Callable[[], Any], printed: "_Printed") -> str | None:
        """Do it; the traceback if the code raised.

        Raises:
            WorkerLost: the process is dead, or monty does not vouch for its heap any more.
        """
        began = monotonic()
        try:
            await work()
        except monty.MontyCrashedError as error:
            late = error.timed_out or monotonic() - began >= self._limits.step_seconds
            seconds = self._limits.step_seconds
            what = (
                f"stopped after {seconds:g} s" if late else "the interpreter was ended by what the code did"
            )
            raise WorkerLost(
                f"TimeoutError: {what}" if late else f"MemoryError: {what}", printed.text
            ) from error
        except (monty.MontyRuntimeError, monty.MontySyntaxError) as error:
            text = error.display()
            if _spoils_heap(error, text):
                raise WorkerLost(text, printed.text) from error
            return text
        except monty.MontyError as error:
            return str(error)
        return None


class _Printed:
    """Collects what a block prints, up to a limit."""

    def __init__(self, limit: int) -> None:
        self._parts: list[str] = []
        self._room = limit
        self._dropped = 0

    def add(self, stream: str, text: str) -> None:
        if self._room:
            self._parts.append(text[: self._room])
        self._dropped += max(len(text) - self._room, 0)
        self._room = max(self._room - len(text), 0)

    @property
    def text(self) -> str:
        end = f"\n[{self._dropped:,} more characters were printed and left out]" if self._dropped else ""
        return "".join(self._parts) + end


async def _answer(call: Call, at: monty.FunctionSnapshot) -> Any:
    try:
        return {"return_value": await call(str(at.function_name), list(at.args), dict(at.kwargs))}
    except HostFunctionError as error:
        return {"exc_type": "RuntimeError", "message": str(error)}


def _spoils_heap(error: monty.MontyError, text: str) -> bool:
    """Whether a limit of the interpreter, and not the code itself, raised: it has a type and no line of its own."""
    kind = error.exception()
    return isinstance(kind, MemoryError) or (isinstance(kind, TimeoutError) and "time limit" in text)


def _placeholder(*args: Any, **kwargs: Any) -> None:
    """Stands for a host function in look-ups; calls never reach it, `_drive` answers them."""
    raise RuntimeError("a host function was called past the engine")
