"""Bad days on request: what a test can make the emulator do wrong, and what was asked of it.

A call's name is the RPC's (`VolumePutFiles2`) or, for bytes that travel over HTTP, `BlockPut` and `BlockGet`;
`*` stands for every call. Faults of one name are used up in the order they were planned.
"""

import asyncio
import threading
from collections import Counter
from dataclasses import dataclass
from typing import Literal

from grpclib import GRPCError, Status
from modal_proto import api_pb2

# refused: nothing is done; lost: all is done, the answer is an error; slow: done late;
# cut before, cut after: the connection ends without an answer, nothing or all being done.
Kind = Literal["refused", "lost", "slow", "cut before", "cut after"]


@dataclass
class Fault:
    """One planned fault, for the next `times` calls of a name after the first `skip`; None is until cleared."""

    kind: Kind
    times: int | None = 1
    skip: int = 0
    status: Status = Status.UNAVAILABLE
    seconds: float = 0.0
    retry_after: float | None = None

    def error(self) -> GRPCError:
        """What the client is told, with the service's "try again in … seconds" where one is planned."""
        details = None
        if self.retry_after is not None:
            details = [api_pb2.RPCRetryPolicy(retry_after_secs=self.retry_after)]
        return GRPCError(self.status, f"planned by the test: {self.kind}", details)


class Faults:
    """The plan of one emulator. Methods may be called from any thread."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._plan: dict[str, list[Fault]] = {}

    def refuse(
        self,
        call: str,
        status: Status = Status.UNAVAILABLE,
        *,
        times: int | None = 1,
        skip: int = 0,
        retry_after: float | None = None,
    ) -> None:
        """Answer `call` with an error and do nothing; `retry_after` (seconds) makes the client wait for it."""
        self._add(call, Fault("refused", times, skip, status, retry_after=retry_after))

    def lose_answer(
        self, call: str, status: Status = Status.UNAVAILABLE, *, times: int | None = 1, skip: int = 0
    ) -> None:
        """Do what `call` asks, then answer with an error."""
        self._add(call, Fault("lost", times, skip, status))

    def slow(self, call: str, seconds: float, *, times: int | None = None, skip: int = 0) -> None:
        """Wait before `call` is done."""
        self._add(call, Fault("slow", times, skip, seconds=seconds))

    def cut(self, call: str, *, after: bool = False, times: int | None = 1, skip: int = 0) -> None:
        """End the connection instead of answering: before the deed, or after it."""
        self._add(call, Fault("cut after" if after else "cut before", times, skip))

    def clear(self) -> None:
        """Forget what is planned."""
        with self._lock:
            self._plan.clear()

    def take(self, call: str) -> Fault | None:
        """The fault for this call, if one is due."""
        with self._lock:
            for name in (call, "*"):
                for fault in self._plan.get(name, []):
                    if fault.times == 0:
                        continue
                    if fault.skip:
                        fault.skip -= 1
                        break
                    if fault.times is not None:
                        fault.times -= 1
                    return fault
        return None

    def _add(self, call: str, fault: Fault) -> None:
        with self._lock:
            self._plan.setdefault(call, []).append(fault)


class Traffic:
    """What was asked and answered: calls and bytes by call name, errors included."""

    def __init__(self) -> None:
        self.calls: Counter[str] = Counter()
        self.bytes_in: Counter[str] = Counter()
        self.bytes_out: Counter[str] = Counter()

    def clear(self) -> None:
        """Count from zero."""
        for counter in (self.calls, self.bytes_in, self.bytes_out):
            counter.clear()


async def delay(fault: Fault | None) -> None:
    """Wait as the fault says."""
    if fault and fault.seconds:
        await asyncio.sleep(fault.seconds)
