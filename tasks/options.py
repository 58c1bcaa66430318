"""What all steps share as tasks: a timeout, and another try after what can pass by itself."""

from typing import Any, TypedDict

from prefect import Task
from prefect.cache_policies import NO_CACHE, CachePolicy
from prefect.client.schemas import State, TaskRun
from prefect.tasks import exponential_backoff

from data_models.errors import StoreError

MODELS_TAG = "rlm-context-models"
"""Task runs that ask models; a limit on this tag in the server holds for all workers together."""


class StepOptions(TypedDict):
    """The arguments of `@task` that all steps share."""

    retries: int
    retry_delay_seconds: Any
    retry_jitter_factor: float
    retry_condition_fn: Any
    timeout_seconds: float
    cache_policy: CachePolicy


def may_pass(task: Task[..., Any], run: TaskRun, state: State[Any]) -> bool:
    """Whether the failure behind `state` can pass: the store or the system was busy or out of reach.

    What is damaged, full, too new, missing or badly set up stays so, and a step that took as long as its
    timeout would again.
    """
    error = state.data
    if isinstance(error, StoreError):
        return type(error) is StoreError  # its subclasses are the lasting kinds
    return isinstance(error, OSError) and not isinstance(error, TimeoutError)


STEP = StepOptions(
    retries=3,
    retry_delay_seconds=exponential_backoff(1),  # 1, 2, 4 s, each stretched by chance up to twice
    retry_jitter_factor=1.0,
    retry_condition_fn=may_pass,
    timeout_seconds=3600,  # a batch that takes an hour hangs: the largest takes minutes
    cache_policy=NO_CACHE,  # memo in the store knows what was done, on every machine
)
