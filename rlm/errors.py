"""What ends a run of the recursive engine before it has an answer.

    RLMError (a RlmContextError)   result, partial_answer
    ├── LimitError               limit, allowed; nothing was issued that would have passed it
    ├── UnpricedModelError         model; a limit in dollars cannot be kept for it
    ├── ClientError                usage, request_id; the provider refused or failed for good
    ├── SandboxError               no sandbox, or one that dies again and again
    ├── RunCancelled               also an asyncio.CancelledError
    └── RunInterrupted             also a KeyboardInterrupt (Ctrl-C under the sync face)

Whatever ends a run, `partial_answer` is what the model had put into `answer` by then, and `result` the rest:
usage, cost and trajectory so far. Both are None on errors raised outside a run.
"""

import asyncio

from data_models.errors import RlmContextError
from rlm.clients.usage import Usage
from rlm.result import Limit, RLMResult


class RLMError(RlmContextError):
    """Base of all errors of the engine."""

    result: RLMResult | None = None

    @property
    def partial_answer(self) -> str | None:
        """What the model had put into `answer` when the run ended; never presented as a whole answer."""
        return self.result.answer if self.result else None


class LimitError(RLMError):
    """A limit of the budget would have been passed.

    Args:
        limit: which one, by its name in `Budget`.
        allowed: its value.
        message: what was refused.
    """

    def __init__(self, limit: Limit, allowed: float, message: str) -> None:
        super().__init__(message, next_command=f"raise Budget({limit}=…)", partial=True)
        self.limit = limit
        self.allowed = allowed


class UnpricedModelError(RLMError):
    """The price of a model is not known, so no limit in dollars can be kept.

    Args:
        model: the model's name.
    """

    def __init__(self, model: str) -> None:
        super().__init__(
            f"no price is known for model {model}, so a limit in dollars cannot be kept",
            next_command="set Budget(usd=None, tokens=…), or give its price: RLM(prices={…})",
        )
        self.model = model


class ClientError(RLMError):
    """A call failed and will not be tried again by the client.

    Args:
        message: what happened; no prompt and no key in it.
        usage: what the failed call is known to have used.
        request_id: the provider's id of the request, if it gave one.
    """

    def __init__(self, message: str, *, usage: Usage | None = None, request_id: str | None = None) -> None:
        super().__init__(message)
        self.usage = usage or Usage()
        self.request_id = request_id


class SandboxError(RLMError):
    """A sandbox cannot be started here, or cannot be kept alive."""


class RunCancelled(RLMError, asyncio.CancelledError):  # noqa: N818  (named as what it is)
    """The task that ran the engine was cancelled; still a cancellation for asyncio."""


class RunInterrupted(RLMError, KeyboardInterrupt):  # noqa: N818  (named as what it is)
    """Ctrl-C during `complete_sync`; still a KeyboardInterrupt."""
