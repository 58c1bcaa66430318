"""What a sandbox is to the engine.

A `Sandbox` makes pools, a pool makes sessions, and a session is one REPL: it runs blocks of model-written code and
keeps their variables. Model-written code is hostile by assumption, because it is written from texts that others wrote.
It reaches nothing but the functions handed in, and what comes out of it is data and nothing else.
"""

from collections.abc import Awaitable, Callable, Collection
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from typing import Any, Literal, Protocol

Call = Callable[[str, list[Any], dict[str, Any]], Awaitable[Any]]
"""A call of a host function by model-written code: name, arguments. What it raises is raised there, as a text."""


@dataclass(frozen=True, slots=True)
class SandboxLimits:
    """Limits of one session.

    Attributes:
        step_seconds: execution of one block, without the time that host functions take.
        memory_bytes: memory of the interpreter, what was handed in included.
        recursion: depth of calls.
        calls: host functions called by one block.
        output_chars: printed by one block; what is more is counted and left out.
        value_chars: of the arguments or the result of one host function, or of `answer`.
    """

    step_seconds: float = 10.0
    memory_bytes: int = 256 * 1024 * 1024
    recursion: int = 500
    calls: int = 1000
    output_chars: int = 200_000
    value_chars: int = 20_000_000


@dataclass(frozen=True, slots=True)
class Outcome:
    """What a block of code did.

    Attributes:
        output: what it printed.
        error: its traceback with the line, or None.
        state: "kept": all variables stand, those set before an error too. "replayed": the block was stopped for good,
            earlier blocks were run again, only its own variables are gone. "lost": all variables are gone.
    """

    output: str
    error: str | None = None
    state: Literal["kept", "replayed", "lost"] = "kept"


class Session(Protocol):
    """One REPL."""

    async def run(self, code: str) -> Outcome:
        """Run a block; nothing that it does is raised here.

        Raises:
            SandboxError: no sandbox can be started any more.
        """
        ...

    async def assign(self, name: str, value: Any) -> None:
        """Set a variable to a plain value."""
        ...

    async def value(self, name: str) -> Any:
        """A variable as a plain value; None if it is not set or too large."""
        ...


class Pool(Protocol):
    """Makes sessions."""

    def session(self, call: Call, names: Collection[str]) -> AbstractAsyncContextManager[Session]:
        """A new REPL.

        Args:
            call: answers calls of host functions.
            names: the host functions' names.
        """
        ...


class Sandbox(Protocol):
    """A way to run model-written code."""

    @property
    def name(self) -> str:
        """As in the registry."""
        ...

    @property
    def language(self) -> str:
        """What the language lacks, in words for the model."""
        ...

    def pool(self, sessions: int) -> AbstractAsyncContextManager[Pool]:
        """Start whatever sessions need.

        Args:
            sessions: how many there are at the same time, at most.

        Raises:
            SandboxError: it does not work on this machine; the message says why.
        """
        ...
