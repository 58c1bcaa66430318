"""What all tasks have in common: none runs without an end, and what is tried again waits longer each time."""

import importlib
import pkgutil
from collections.abc import Iterator
from typing import Any

import pytest
from prefect import Task

import tasks
from tasks.options import may_pass


def every_task() -> Iterator[Task[..., Any]]:
    """Each task of the folder `tasks`."""
    for module in pkgutil.iter_modules(tasks.__path__):
        names = vars(importlib.import_module(f"tasks.{module.name}"))
        yield from (each for each in names.values() if isinstance(each, Task))


TASKS = sorted({each.name: each for each in every_task()}.items())


@pytest.mark.parametrize("each", [each for _, each in TASKS], ids=[name for name, _ in TASKS])
def test_a_task_ends_and_knows_what_can_pass(each: Task[..., Any]) -> None:
    """It has a timeout and a name of its own for each run; retries wait 1, 2 and 4 s, stretched by chance."""
    assert each.timeout_seconds
    assert each.timeout_seconds <= 6 * 3600
    assert each.task_run_name
    if each.retries:
        assert each.retry_condition_fn is may_pass
        assert each.retry_jitter_factor == 1.0
        assert each.retry_delay_seconds == [1.0, 2.0, 4.0]
