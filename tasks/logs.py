"""The line that a step leaves in its run's log: figures and names that are ours, never words of a transcript."""

from time import perf_counter

import msgspec
from prefect.logging import get_run_logger


def log_step(begun: float, line: str) -> None:
    """Say what a step did, and how long it took.

    Args:
        begun: when it began, of `time.perf_counter`.
        line: what it did.
    """
    get_run_logger().info("%s, in %.1f s", line, perf_counter() - begun)


def figures(done: object) -> str:
    """A result in figures: its numbers, and how many there are of what it lists."""
    fields = msgspec.structs.asdict(done) if isinstance(done, msgspec.Struct) else {"": done}
    listed = (list, tuple, dict)
    sizes = {name: len(value) if isinstance(value, listed) else value for name, value in fields.items()}
    told = [f"{name} {size:,}".strip() for name, size in sizes.items() if isinstance(size, int)]
    return ", ".join(told)
