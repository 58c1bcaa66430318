"""The deployments that `rlm-context up` serves on this machine: those of `prefect.yaml`, without a work pool."""

import asyncio
import os
import signal
from collections.abc import Callable
from importlib.metadata import version
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

from prefect.client.schemas.objects import ConcurrencyLimitConfig, ConcurrencyLimitStrategy
from prefect.deployments.runner import RunnerDeployment
from prefect.runner import Runner
from prefect.schedules import Cron
from prefect.types.entrypoint import EntrypointType

from flows.ask import ask
from flows.compile import compile_context
from flows.nightly import nightly_recompile
from flows.server_setup import set_up

NIGHT = "30 2 * * *"
_RUNS_AT_ONCE = 4


class _Runner(Runner):
    """A runner that SIGTERM stops as Ctrl-C does; Prefect's own handler leaves its schedules unpaused."""

    def handle_sigterm(self, *args: Any, **kwargs: Any) -> None:
        """See `Runner.handle_sigterm`."""
        signal.raise_signal(signal.SIGINT)


def serve(ready: Callable[[], None]) -> None:
    """Serve the deployments until SIGTERM or Ctrl-C; their schedules are paused then, and runs end as cancelled.

    Args:
        ready: called once the server has them all.

    Raises:
        KeyboardInterrupt: it was told to stop, by either signal.
    """
    set_up()
    asyncio.run(_serve(ready))


async def _serve(ready: Callable[[], None]) -> None:
    runner = _Runner(name="rlm-context", limit=_RUNS_AT_ONCE, pause_on_shutdown=True)
    for deployment in await deployments():
        await runner.aadd_deployment(deployment)
    ready()
    await runner.start()


async def deployments() -> list[RunnerDeployment]:
    """What is served, with the nightly in this machine's time zone."""
    nightly = Cron(NIGHT, timezone=local_zone())
    return [
        await compile_context.ato_deployment("on-session-end", parameters={"full": False}, **_options(4)),
        await nightly_recompile.ato_deployment("nightly", schedule=nightly, **_options(1)),
        await ask.ato_deployment("ask", **_options(4)),
    ]


def _options(limit: int) -> dict[str, Any]:
    """What all have in common; the nightly runs once at a time, and what a second would do the first does."""
    strategy = ConcurrencyLimitStrategy.CANCEL_NEW if limit == 1 else ConcurrencyLimitStrategy.ENQUEUE
    return {
        "tags": ["rlm-context", "nightly"] if limit == 1 else ["rlm-context"],
        "version": version("rlm-context"),
        "concurrency_limit": ConcurrencyLimitConfig(limit=limit, collision_strategy=strategy),
        "entrypoint_type": EntrypointType.MODULE_PATH,
    }


def local_zone() -> str:
    """The name of this machine's time zone, e.g. Europe/Lisbon; UTC where the system does not say it."""
    name = os.environ.get("TZ", "") or str(Path("/etc/localtime").resolve()).partition("zoneinfo/")[2]
    try:
        return ZoneInfo(name).key if name else "UTC"
    except (KeyError, ValueError, OSError):  # KeyError: ZoneInfoNotFoundError
        return "UTC"
