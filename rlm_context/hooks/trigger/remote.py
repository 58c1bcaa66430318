"""What a place must offer that compiles when it is asked: a Prefect server, or the app on Modal."""

from typing import Literal, NamedTuple, Protocol

from data_models.errors import PipelineError
from rlm_context.hooks.trigger.record import Trigger


class AwayError(PipelineError):
    """Nobody answers, or not now: that can pass.

    Args:
        message: what happened.
        retry_after: seconds that were asked for before the next attempt.
        nobody_listens: the connection was refused.
    """

    def __init__(self, message: str, *, retry_after: float = 0.0, nobody_listens: bool = False) -> None:
        super().__init__(message)
        self.retry_after = retry_after
        self.nobody_listens = nobody_listens


class RefusedError(PipelineError):
    """The answer is no, and asking again does not change it."""


class NotDeployedError(RefusedError):
    """Nothing is deployed there that could compile."""


class Asked(NamedTuple):
    """A run that was asked for: its id there, and how many of this generation came before it.

    A run that is "waiting" has not begun, and finds whatever was uploaded before it was asked for. `doubt` says why
    it may not compile this store at all, "" for no doubt.
    """

    state: Literal["waiting", "running"]
    run: str
    attempt: int = 0
    doubt: str = ""


class Remote(Protocol):
    """A place that compiles when it is asked.

    Attributes:
        name: what people call it.
        is_here: whether it is on this machine, so that a compile here is as good.
    """

    name: str
    is_here: bool

    def ask(self, project: str, generation: str, before: Trigger | None) -> Asked:
        """Have a project compiled, unless a run that was asked for before will do it.

        Args:
            project: the project.
            generation: the newest generation known, "none" for none.
            before: what became of the last trigger of this machine.

        Raises:
            AwayError: it may work later.
            RefusedError: it will not.
        """
        ...

    def has_ended(self, project: str, run: str) -> bool:
        """Whether a run that was running when it was asked for has ended; raises as `ask` does."""
        ...


def begin_lease(project: str) -> str:
    """The name of the lease of whoever had a project compiled a moment ago, before that compile has its own lease."""
    return f"trigger {project}"
