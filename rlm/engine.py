"""The recursive language model: a model that reads a large context by writing code, and by calling models from it.

    rlm = RLM(root=client, sub=client)
    result = await rlm.complete("Who decided to drop the queue?", context)

One turn: the root model writes code, the sandbox runs it, the model sees what was printed. It ends when the code calls
`finish` or sets `answer`, or when a limit of the budget is met; then an `RLMError` brings what there is so far.
"""

import asyncio
import time
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, field
from typing import Any

from rlm.budget import Budget, Ledger
from rlm.cache import Cache, MemoryCache, OnceOnly
from rlm.calls import Asker, HostFunctions, checked_tools
from rlm.clients.protocol import Client, Completion, Message, Request
from rlm.context import Context, ContextReader
from rlm.errors import ClientError, LimitError, RLMError, RunCancelled, RunInterrupted, SandboxError
from rlm.prices import PRICES, Price
from rlm.prompt import HELPERS, feedback, first_message, system_prompt
from rlm.reading import read_code
from rlm.result import RLMResult, StoppedBy
from rlm.sandbox.monty import MontySandbox
from rlm.sandbox.protocol import Outcome, Pool, Sandbox, Session
from rlm.trajectory import Trajectory, Watch
from rlm.values import as_text

_CHILDREN = 8
"""Child runs at the same time on one level: each has a sandbox of its own."""

_ANSWER_CHARS = 1_000_000


class RLM:
    """A recursive language model over one root client and one client for sub-calls.

    Args:
        root: writes the code.
        sub: answers sub-calls; the root client if None.
        tools: functions for the code, plain or async, by name; their docstrings go into the prompt. They take and
            return JSON values, and may raise ValueError, TypeError or LookupError for the code to see.
        sandbox: runs the code; `MontySandbox()` if None.
        budget: limits of each `complete`.
        cache: keeps answers of models; one in memory if None.
        prices: US dollars by model, over the table in `rlm/prices.py`.
        watch: called with each record of the trajectory as it is made.

    Raises:
        UnpricedModelError: dollars are limited, and a model's price is not known.
        ValueError: a tool has the name of one of our functions, or none that code can write.
    """

    def __init__(
        self,
        root: Client,
        sub: Client | None = None,
        *,
        tools: Mapping[str, Callable[..., Any]] | None = None,
        sandbox: Sandbox | None = None,
        budget: Budget | None = None,
        cache: Cache | None = None,
        prices: Mapping[str, Price] | None = None,
        watch: Watch | None = None,
    ) -> None:
        self.root = root
        self.sub = sub or root
        self.tools = checked_tools(tools or {})
        self.sandbox = sandbox or MontySandbox()
        self.budget = budget or Budget()
        self._cache = cache or MemoryCache()
        self._prices = {**PRICES, **(prices or {})}
        self._watch = watch
        Ledger(self.budget, self._prices).check_models(self.root, self.sub)

    async def complete(self, question: str, context: Context = "") -> RLMResult:
        """Answer a question about a context.

        Args:
            question: what to find out.
            context: a text, or rows; above 16 MB it stays here and the code reads it through functions.

        Raises:
            LimitError: a limit ended the run.
            ClientError: the root model failed.
            SandboxError: the sandbox does not work.
            RunCancelled: the task was cancelled.
            All are `RLMError` and hold `partial_answer` and `result`.
        """
        ledger = Ledger(self.budget, self._prices)
        async with self.sandbox.pool(1 + _CHILDREN * self.budget.depth) as pool:
            tree = _Tree(self, ledger, OnceOnly(self._cache), pool, Trajectory(self._watch))
            run = _Run(tree, question, context)
            timeout = asyncio.timeout(self.budget.seconds)
            try:
                async with timeout:
                    return await run.complete()
            except TimeoutError as error:
                if not timeout.expired():
                    raise
                raise run.ended(ledger.time_is_up()) from error
            except asyncio.CancelledError as error:
                raise run.ended(RunCancelled("cancelled", partial=True)) from error

    def complete_sync(self, question: str, context: Context = "") -> RLMResult:
        """`complete` for callers without an event loop.

        Raises:
            RunInterrupted: Ctrl-C; besides what `complete` raises.
        """
        kept: list[RLMResult | None] = []

        async def run() -> RLMResult:
            try:
                return await self.complete(question, context)
            except RunCancelled as error:
                kept.append(error.result)
                raise

        try:
            return asyncio.run(run())
        except KeyboardInterrupt as interrupt:
            error = RunInterrupted("interrupted", partial=True)
            error.result = kept[0] if kept else None
            raise error from interrupt


@dataclass(slots=True)
class _Tree:
    """What a root run shares with its children."""

    rlm: RLM
    ledger: Ledger
    once: OnceOnly
    pool: Pool
    trajectory: Trajectory
    at_once: asyncio.Semaphore = field(init=False)
    levels: list[asyncio.Semaphore] = field(init=False)

    def __post_init__(self) -> None:
        budget = self.rlm.budget
        self.at_once = asyncio.Semaphore(budget.at_once)
        # One semaphore a level: a run never waits for its own children's children.
        self.levels = [asyncio.Semaphore(_CHILDREN) for _ in range(budget.depth + 1)]


class _Run:
    """One run: the root's or a child's."""

    def __init__(self, tree: _Tree, question: str, context: Context, parent: "_Run | None" = None) -> None:
        self.tree = tree
        self.budget = tree.rlm.budget
        self.depth: int = parent.depth + 1 if parent else 0
        self.number = tree.trajectory.new_run()
        self.question = question
        self.reader = ContextReader(context)
        self.asker = Asker(tree.ledger, tree.once)
        self.host = HostFunctions(
            self.asker,
            tree.rlm.sub,
            self.reader,
            tree.rlm.tools,
            self._start_child if self.depth < self.budget.depth else None,
            tree.levels[self.depth],
            tree.at_once,
        )
        self.system = system_prompt(tree.rlm.sandbox.language, tree.rlm.tools, self.budget, self.depth)
        self.messages = [Message("user", first_message(question, self.reader.description))]
        self.content = ""
        self._record("run", parent=parent.number if parent else None)

    async def complete(self) -> RLMResult:
        """Run to the end.

        Raises:
            RLMError: with the result so far.
        """
        names = self.host.table().keys()
        try:
            async with self.tree.pool.session(self.host.call, names) as session:
                await self._prepare(session)
                await self._loop(session)
        except RLMError as error:
            raise self.ended(error) from error.__cause__
        return self._result("answer")

    async def _prepare(self, session: Session) -> None:
        await session.assign("context", self.reader.value)
        await session.assign("answer", {"content": "", "ready": False})
        outcome = await session.run(HELPERS)
        if outcome.error:
            raise SandboxError("the sandbox cannot run the helpers")

    async def _loop(self, session: Session) -> None:
        """Turns, until the code finishes or a limit is met."""
        failures = 0
        for left in range(self.budget.iterations - 1, -1, -1):
            began = time.monotonic()
            completion, cached = await self._ask()
            reading = read_code(completion.text, whole=completion.stop != "max_tokens")
            outcomes: list[Outcome] = []
            try:
                finished = await self._run_blocks(session, reading.blocks, outcomes)
            finally:
                # Also a step that is cut off was paid for.
                self._step(began, completion, cached, reading.blocks, outcomes)
            if finished:
                return
            failed = reading.problem or any(outcome.error for outcome in outcomes)
            failures = failures + 1 if failed else 0
            if failures >= self.budget.errors:
                raise LimitError("errors", self.budget.errors, f"{failures} turns in a row failed")
            self.messages += [
                Message("assistant", completion.text or "(nothing)"),
                Message("user", feedback(reading, outcomes, left)),
            ]
        limit = self.budget.iterations
        raise LimitError("iterations", limit, f"{limit} turns did not lead to an answer")

    async def _ask(self) -> tuple[Completion, bool]:
        request = Request(tuple(self.messages), self.system, self.budget.answer_tokens)
        return await self.asker.ask(self.tree.rlm.root, request)

    async def _run_blocks(self, session: Session, blocks: tuple[str, ...], outcomes: list[Outcome]) -> bool:
        """Run blocks up to the first error or the end of the run, and add what each did; whether the run ended."""
        for code in blocks:
            self.host.code.append(code)
            outcomes.append(await session.run(code))
            if await self._finished(session):
                return True
            if outcomes[-1].error:
                break
        return False

    async def _finished(self, session: Session) -> bool:
        """Read `answer`; whether the code ended the run, in whichever way."""
        if self.host.finished:
            self.content = as_text(self.host.finished[0])[:_ANSWER_CHARS]
            return True
        answer = await session.value("answer")
        if not isinstance(answer, dict):
            # A bare value assigned to `answer` is what is known so far, but nobody said that it is all.
            self.content = self.content if answer is None else as_text(answer)[:_ANSWER_CHARS]
            return False
        self.content = as_text(answer.get("content", ""))[:_ANSWER_CHARS]
        return bool(answer.get("ready"))

    async def _start_child(self, question: str, context: Any) -> tuple[int, str]:
        """Run a child; what it did not finish says so."""
        given = context if isinstance(context, str | list) else as_text(context)
        child = _Run(self.tree, question, given, self)
        try:
            result = await child.complete()
        except RLMError as error:
            stopped = child.stopped_by(error)
            return child.number, f"[partial answer, stopped by {stopped}] {error.partial_answer or ''}"
        return child.number, result.answer

    def ended(self, error: RLMError) -> RLMError:
        """The error with the result so far; the first one to end the run is recorded."""
        if error.result is None:
            error.result = self._result(self.stopped_by(error), error.message)
        return error

    def stopped_by(self, error: RLMError) -> StoppedBy:
        """What an error is called in a result."""
        if isinstance(error, LimitError):
            return error.limit
        if isinstance(error, ClientError):
            return "client"
        return "cancelled" if isinstance(error, RunCancelled) else "sandbox"

    def _result(self, stopped_by: StoppedBy, message: str = "") -> RLMResult:
        self._record("end", stopped_by=stopped_by, answer=self.content, message=message)
        ledger = self.tree.ledger
        return RLMResult(self.content, stopped_by, dict(ledger.usage), ledger.cost, self.tree.trajectory)

    def _record(self, kind: str, **fields: Any) -> None:
        if kind == "run":
            fields |= {"depth": self.depth, "question": self.question, "context": self.reader.description}
            fields |= {"root": self.tree.rlm.root.model, "sub": self.tree.rlm.sub.model}
        self.tree.trajectory.add(kind, self.number, **fields)

    def _step(
        self,
        began: float,
        completion: Completion,
        cached: bool,
        blocks: tuple[str, ...],
        outcomes: list[Outcome],
    ) -> None:
        """Record a turn. Only the newest message is new since the turn before."""
        calls, self.host.calls[:] = list(self.host.calls), []
        self._record(
            "step",
            step=len(self.messages) // 2 + 1,
            seconds=round(time.monotonic() - began, 4),
            prompt=self.messages[-1].text,
            reply=completion.text,
            code=list(blocks),
            output=[outcome.output for outcome in outcomes],
            error=next((outcome.error for outcome in outcomes if outcome.error), None),
            calls=calls,
            model=self.tree.rlm.root.model,
            cached=cached,
            usage=None if cached else asdict(completion.usage),
            usd=round(self.tree.ledger.cost.usd, 6),
        )
