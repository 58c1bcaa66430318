"""Model calls, and the functions that model-written code calls: limits, cache, single flight, records.

Everything a sandbox hands over is data of a hostile author: kinds and sizes are checked here, before anything is
counted or sent.
"""

import asyncio
import builtins
import inspect
import keyword
import re
import time
from collections.abc import Callable, Coroutine, Mapping
from dataclasses import asdict, dataclass, field, replace
from typing import Any, Protocol

from rlm.budget import Ledger
from rlm.cache import OnceOnly
from rlm.clients.errors import ReplyError
from rlm.clients.protocol import Client, Completion, Message, Request
from rlm.clients.structured import checked
from rlm.clients.usage import Usage
from rlm.context import ContextReader
from rlm.errors import ClientError, LimitError

_SHORT = 500
_NAME = re.compile(r"[A-Za-z_]\w{0,63}")
_NAMES = 2_000


OWN_NAMES = (
    *("llm_query", "llm_query_batched", "rlm_query", "rlm_query_batched", "finish"),
    *("context_len", "context_slice", "context_grep", "_names"),
)
_VARIABLES = ("context", "answer")

Tools = Mapping[str, Callable[..., Any]]


def checked_tools(tools: Tools) -> Tools:
    """The tools, if code can call them by their names.

    Raises:
        ValueError: a name is no identifier, or one of ours.
    """
    for name in tools:
        if not _NAME.fullmatch(name) or name in (*OWN_NAMES, *_VARIABLES, *keyword.kwlist):
            raise ValueError(f"a tool cannot be called {name!r}")
    return dict(tools)


class StartChild(Protocol):
    """Runs a child of a run."""

    async def __call__(self, question: str, context: Any) -> tuple[int, str]:
        """The child's number and its answer, labelled if it is partial."""
        ...


@dataclass(slots=True)
class Asker:
    """Sends model calls: from the cache where they are known, else within the budget."""

    ledger: Ledger
    once: OnceOnly

    async def knows(self, client: Client, request: Request) -> bool:
        """Whether the answer is kept already, so that asking is free."""
        return await self.once.knows(request.digest(client.model))

    async def ask(self, client: Client, request: Request) -> tuple[Completion, bool]:
        """The completion, and whether it was known.

        Raises:
            LimitError: it may not be sent.
            ReplyError: the answer, now or earlier, does not follow the request's schema.
            ClientError: it failed; what it used is booked.
        """
        digest = request.digest(client.model)

        async def send() -> Completion:
            async with self.ledger.reserve(client, request) as hold:
                try:
                    completion = await client.complete(request)
                except ClientError as error:
                    hold.usage = error.usage
                    if isinstance(error, ReplyError):  # paid as any other, and as bad when asked again
                        kept = Completion(error.text, error.usage, request_id=error.request_id)
                        await self.once.keep(digest, kept)
                    raise
                hold.usage = completion.usage
                await self.once.keep(digest, completion)
                return completion

        completion, known = await self.once.get(digest, send)
        if known:  # it costs nothing again
            completion = replace(completion, usage=Usage())
        return checked(completion, request), known


@dataclass(slots=True)
class HostFunctions:
    """The functions of one run.

    Attributes:
        asker: sends calls.
        sub: the model for them.
        reader: the run's context.
        tools: the caller's functions by name, plain or async.
        start_child: runs a child.
        children: allows so many at the same time on one level, over the whole tree.
        calls: records of the step's calls; the engine takes them after each step.
        finished: what `finish` was given.
        code: all code that was run, for the names in it.
    """

    asker: Asker
    sub: Client
    reader: ContextReader
    tools: Tools
    start_child: StartChild | None
    children: asyncio.Semaphore
    at_once: asyncio.Semaphore
    calls: list[dict[str, Any]] = field(default_factory=list)
    finished: list[Any] = field(default_factory=list)
    code: list[str] = field(default_factory=list)

    def table(self) -> dict[str, Callable[..., Any]]:
        """Each function by the name that model-written code calls."""
        own = (
            self.llm_query,
            self.llm_query_batched,
            self.rlm_query,
            self.rlm_query_batched,
            self.finish,
            self.reader.length,
            self.reader.slice,
            self._grep,
            self.names,
        )
        return {**self.tools, **dict(zip(OWN_NAMES, own, strict=True))}

    async def call(self, name: str, args: list[Any], kwargs: dict[str, Any]) -> Any:
        """Answer a call from the sandbox. Plain tools run in a thread."""
        function = self.table().get(name)
        if function is None:
            raise LookupError(f"there is no function {name[:64]}")
        if name not in self.tools:
            result = function(*args, **kwargs)
            return await result if inspect.isawaitable(result) else result
        began = time.monotonic()
        record: dict[str, Any] = {"name": name, "prompt": repr([*args, kwargs])[:_SHORT]}
        self.calls.append(record)
        try:
            if inspect.iscoroutinefunction(function):
                return await function(*args, **kwargs)
            return await asyncio.to_thread(function, *args, **kwargs)
        except Exception as error:
            record["error"] = type(error).__name__
            raise
        finally:
            record["seconds"] = round(time.monotonic() - began, 4)

    async def llm_query(self, prompt: Any) -> str:
        """One sub-call.

        Raises:
            TypeError: not a text.
            LimitError: it may not be sent.
            ClientError: it failed.
        """
        [result] = await self._ask_all("llm_query", _texts([prompt]))
        if isinstance(result, ClientError):
            raise result
        return result

    async def llm_query_batched(self, prompts: Any) -> list[str | None]:
        """Several sub-calls at once; None where one failed.

        Raises:
            TypeError: not a list of texts.
            LimitError: they may not be sent; answers that had arrived are in the cache.
            ClientError: all failed.
        """
        texts = _texts(prompts)
        results = await self._ask_all("llm_query_batched", texts)
        failed = [result for result in results if isinstance(result, ClientError)]
        if failed and len(failed) == len(results):
            raise failed[0]
        return [None if isinstance(result, ClientError) else result for result in results]

    async def rlm_query(self, question: Any, context: Any = "") -> str:
        """One child run.

        Raises:
            TypeError: the question is no text.
            LimitError: no deeper, or no more calls.
        """
        [answer] = await self.rlm_query_batched([question], [context])
        return answer

    async def rlm_query_batched(self, questions: Any, contexts: Any = None) -> list[str]:
        """Several child runs at once.

        Raises:
            TypeError: not lists of the same length.
            LimitError: no deeper, or no more calls.
        """
        texts = _texts(questions)
        given = [""] * len(texts) if contexts is None else contexts
        if not isinstance(given, list) or len(given) != len(texts):
            raise TypeError("contexts must be a list as long as questions")
        if self.start_child is None:
            depth = self.asker.ledger.budget.depth
            raise LimitError("depth", depth, f"no deeper than {depth}: use llm_query")
        self.asker.ledger.check_batch([_size(text) for text in texts])
        self.asker.ledger.claim_calls(len(texts))
        pairs = zip(texts, given, strict=True)
        return await _together([self._child(self.start_child, *pair) for pair in pairs])

    def finish(self, content: Any) -> None:
        """End the run with an answer. The first one stands."""
        self.finished.append(content)

    def names(self) -> list[str]:
        """Names that the code so far has used, and that may be variables."""
        known = {*self.table(), *_KEYWORDS}
        found = dict.fromkeys(_NAME.findall("\n".join(self.code)))
        return [name for name in found if name not in known][:_NAMES]

    async def _grep(self, pattern: Any, limit: int = 100, start: int = 0) -> Any:
        return await asyncio.to_thread(self.reader.grep, _texts([pattern])[0], int(limit), int(start))

    async def _child(self, start: StartChild, question: str, context: Any) -> str:
        record: dict[str, Any] = {"name": "rlm_query", "prompt": question[:_SHORT]}
        self.calls.append(record)
        async with self.children:
            record["run"], answer = await start(question, context)
        return answer

    async def _ask_all(self, name: str, prompts: list[str]) -> list[str | ClientError]:
        ledger = self.asker.ledger
        ledger.check_batch([_size(prompt) for prompt in prompts])
        requests = [self._request(prompt) for prompt in prompts]
        # What is in the cache is free.
        known = [await self.asker.knows(self.sub, request) for request in requests]
        ledger.claim_calls(known.count(False))
        return await _together([self._ask(name, request) for request in requests])

    def _request(self, prompt: str) -> Request:
        tokens = self.asker.ledger.budget.answer_tokens
        return Request((Message("user", prompt or "(empty)"),), max_tokens=tokens)

    async def _ask(self, name: str, request: Request) -> str | ClientError:
        prompt = request.messages[0].text
        record: dict[str, Any] = {"name": name, "model": self.sub.model, "prompt": prompt[:_SHORT]}
        self.calls.append(record)
        began = time.monotonic()
        try:
            async with self.at_once:
                completion, cached = await self.asker.ask(self.sub, request)
        except ClientError as error:
            record["error"] = error.message
            return error
        finally:
            record["seconds"] = round(time.monotonic() - began, 4)
        usage = None if cached else asdict(completion.usage)
        record.update(reply=completion.text[:_SHORT], cached=cached, usage=usage)
        if completion.stop == "refusal":
            record["error"] = "the model refused"
            return ClientError("the model refused to answer")
        return completion.text


async def _together(work: list[Coroutine[Any, Any, Any]]) -> list[Any]:
    """All results, client errors among them. Any other error is raised when all have ended."""
    results = await asyncio.gather(*work, return_exceptions=True)
    for result in results:
        if isinstance(result, BaseException) and not isinstance(result, ClientError):
            raise result
    return results


def _texts(values: Any) -> list[str]:
    if not isinstance(values, list) or not all(isinstance(value, str) for value in values):
        raise TypeError("a text, or a list of texts, is needed")
    return values


def _size(text: str) -> int:
    return len(text.encode("utf-8", "replace"))


_KEYWORDS = frozenset({*keyword.kwlist, *dir(builtins)})
