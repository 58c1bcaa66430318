"""Nothing that model-written code tries gets out, and the sandbox can be used after each attempt."""

import asyncio
import os
import re
import time
from collections.abc import Callable, Iterator
from contextlib import AsyncExitStack
from dataclasses import replace
from typing import Any

import pytest

from rlm.budget import Budget, Ledger
from rlm.cache import MemoryCache, OnceOnly
from rlm.calls import Asker, HostFunctions
from rlm.clients.scripted import EchoClient
from rlm.context import ContextReader
from rlm.prices import PRICES
from rlm.prompt import HELPERS
from rlm.sandbox.jail import JailSandbox, why_not
from rlm.sandbox.monty import MontySandbox
from rlm.sandbox.protocol import Outcome, Pool, Sandbox, SandboxLimits
from tests.rlm.attempts import ALL, ATTEMPTS

SECRET = "planted-secret-9f2c"
LIMITS = SandboxLimits(step_seconds=0.4, memory_bytes=128 << 20, calls=200, output_chars=50_000)
REACHING = ("files", "environment", "network", "processes", "imports", "frames", "dunders", "formats")
# What a step may take besides its time: the grace before a kill, a new worker, a busy machine.
LONGEST = 60.0


class Place:
    """A pool that lives through all attempts, on an event loop of its own."""

    def __init__(self, sandbox: Sandbox) -> None:
        self.runner = asyncio.Runner()
        self.stack = AsyncExitStack()
        self.pool: Pool = self.runner.run(self.stack.enter_async_context(sandbox.pool(1)))
        self.client = EchoClient()

    def close(self) -> None:
        self.runner.run(self.stack.aclose())
        self.runner.close()

    def run(self, *blocks: str) -> list[Outcome]:
        """Each block in one new session that is set up as the engine does it."""
        return self.runner.run(self._run(blocks))

    async def _run(self, blocks: tuple[str, ...]) -> list[Outcome]:
        asker = Asker(Ledger(Budget(), PRICES), OnceOnly(MemoryCache()))
        reader = ContextReader("some text\nmore text")
        free = asyncio.Semaphore(8)

        async def child(question: str, context: Any) -> tuple[int, str]:
            return 2, question

        host = HostFunctions(asker, self.client, reader, {}, child, free, free)
        async with self.pool.session(host.call, host.table().keys()) as session:
            await session.assign("context", reader.value)
            await session.assign("answer", {"content": "", "ready": False})
            assert (await session.run(HELPERS)).error is None
            outcomes = []
            for block in blocks:
                outcomes.append(await session.run(block))
                await session.value("answer")
            return outcomes


@pytest.fixture(scope="module")
def planted() -> Iterator[None]:
    """A secret in the environment, as keys stand there in life."""
    os.environ["PLANTED_SECRET"] = SECRET
    yield
    del os.environ["PLANTED_SECRET"]


@pytest.fixture(scope="module")
def monty(planted: None) -> Iterator[Place]:
    place = Place(MontySandbox(LIMITS))
    yield place
    place.close()


@pytest.fixture(scope="module")
def jail(planted: None) -> Iterator[Place]:
    yield from _jail(replace(LIMITS, step_seconds=0.8))


@pytest.fixture
def patient_jail(planted: None) -> Iterator[Place]:
    """One whose limit of time nothing honest meets, not on a busy machine either."""
    yield from _jail(SandboxLimits(step_seconds=60))


def _jail(limits: SandboxLimits) -> Iterator[Place]:
    if reason := why_not():
        pytest.skip(reason)
    place = Place(JailSandbox(limits))
    yield place
    place.close()


def check(run: Callable[..., list[Outcome]], *blocks: str) -> list[Outcome]:
    """Run the blocks and then an innocent one, in the same session and in a new one."""
    began = time.monotonic()
    *outcomes, after = run(*blocks, "print(6 * 7)")
    assert time.monotonic() - began < LONGEST + len(blocks)
    assert after == Outcome("42\n")
    for outcome in outcomes:
        told = f"{outcome.output}{outcome.error}"
        assert "ESCAPED" not in outcome.output
        assert SECRET not in told
        assert "root:" not in told
        assert len(outcome.output) <= LIMITS.output_chars + 200
    assert run("print(6 * 7)") == [Outcome("42\n")]
    return outcomes


def test_there_are_enough_attempts() -> None:
    """The suite holds at least 120 attempts in all the categories."""
    assert len(ALL) >= 120
    assert len(ATTEMPTS) >= 14


@pytest.mark.parametrize(("category", "index"), ALL)
def test_monty_holds(monty: Place, category: str, index: int) -> None:
    """No attempt gets out of the default sandbox, and its pool can be used afterwards."""
    [outcome] = check(monty.run, ATTEMPTS[category][index])
    if category in REACHING:
        assert outcome.error is not None


@pytest.mark.parametrize("category", REACHING)
def test_jail_holds(jail: Place, category: str) -> None:
    """No attempt reaches anything from the jail."""
    for outcome in check(jail.run, *ATTEMPTS[category]):
        assert outcome.error is not None


@pytest.mark.parametrize(("category", "index"), [pair for pair in ALL if pair[0] not in REACHING][::4])
def test_jail_stops(jail: Place, category: str, index: int) -> None:
    """Floods, forgeries and endless work are stopped in the jail, and it can be used afterwards."""
    check(jail.run, ATTEMPTS[category][index])


@pytest.mark.parametrize("index", range(len(ATTEMPTS["forgery"])))
def test_jail_forgery(jail: Place, index: int) -> None:
    """Forged frames and closed descriptors cost the code its worker and nobody anything else."""
    check(jail.run, ATTEMPTS["forgery"][index])


def test_jail_has_no_privileges(patient_jail: Place) -> None:
    """Inside there is no environment, no root, no writable place, no process and no other program."""
    code = """
import os, pathlib, socket, ctypes
print(sorted(os.environ), os.getuid(), sorted(os.listdir("/")))
for attempt in (
    lambda: os.fork(), lambda: socket.socket(), lambda: os.execv("/py/bin/python3.11", ["python"]),
    lambda: open("/x", "w"), lambda: open("/py/lib/x", "w"), lambda: os.mkdir("/x"), lambda: os.kill(1, 9),
    lambda: __import__("threading").Thread(target=print).start(), lambda: os.chroot("/"), lambda: os.memfd_create("x"),
):
    try:
        print("reached", attempt())
    except (OSError, RuntimeError) as error:
        pass
libc = ctypes.CDLL(None, use_errno=True)
print([libc.syscall(number, 0, 0, 0, 0) for number in (56, 57, 59, 101, 165, 272, 310, 321, 425, 435)])
"""
    [outcome] = check(patient_jail.run, code)
    assert outcome.error is None
    names, syscalls = outcome.output.strip().split("\n")
    assert re.fullmatch(r"\[.*\] 65534 \[('lib\d*', )*'py', 'usr'\]", names)
    assert set(re.findall(r"'(\w+)'", names.split("]")[0])) <= {"LD_LIBRARY_PATH", "PWD", "LC_CTYPE"}
    assert re.fullmatch(r"\[(-1,? ?)+\]", syscalls)


def test_a_spoofed_function_stays_inside(monty: Place) -> None:
    """Shadowing a host function fools the code that did it, and no other session."""
    spoof, *_ = monty.run("llm_query = lambda prompt: 'spoofed'\nprint(llm_query('x'))")
    honest, *_ = monty.run("print(llm_query('x'))")
    assert (spoof.output, honest.output) == ("spoofed\n", "x\n")
