"""The deployments that `rlm-context up` serves on this machine: those of `prefect.yaml`, without a work pool."""

import asyncio
import contextlib
import os
from collections.abc import Callable
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path
from typing import Any, NoReturn, Self
from zoneinfo import ZoneInfo

from httpx import HTTPError, HTTPStatusError
from prefect.client.schemas.objects import ConcurrencyLimitConfig, ConcurrencyLimitStrategy
from prefect.deployments.runner import RunnerDeployment
from prefect.runner import Runner
from prefect.schedules import Cron
from prefect.types.entrypoint import EntrypointType

from data_models.errors import PipelineError
from flows.ask import ask
from flows.compile import compile_context
from flows.nightly import nightly_recompile
from flows.server_setup import set_up

NIGHT = "30 2 * * *"
_RUNS_AT_ONCE = 4


@dataclass(frozen=True)
class Stages:
    """What is called as serving goes on.

    Attributes:
        ready: the server has all deployments, and their runs are looked for.
        stops: it begins to stop, as it was told.
        lost: the server has not answered several times; it does not return.
    """

    ready: Callable[[], None]
    stops: Callable[[], None]
    lost: Callable[[], NoReturn]


class _Runner(Runner):
    """A runner that SIGTERM stops as Ctrl-C does; Prefect's own handler leaves its schedules unpaused.

    SIGINT is not raised for that, since a shell without job control (`sh -c 'rlm-context up &'`) has it ignored.
    """

    def __init__(self, stages: Stages, **options: Any) -> None:
        super().__init__(**options)
        self._stages = stages
        self._serving = asyncio.current_task()
        self._its_loop = asyncio.get_running_loop()

    def handle_sigterm(self, *args: Any, **kwargs: Any) -> None:
        """See `Runner.handle_sigterm`."""
        if self._serving is not None:
            self._its_loop.call_soon_threadsafe(self._serving.cancel)

    async def __aenter__(self) -> Self:
        """See `Runner`."""
        try:
            await super().__aenter__()
        except RuntimeError as error:  # what Prefect makes of whatever it meets there
            reason = type(error.__cause__ or error).__name__
            raise PipelineError(
                f"Prefect's runner does not start ({reason})", next_command="rlm-context doctor"
            ) from error
        self._stages.ready()
        return self

    async def __aexit__(self, *raised: Any) -> None:
        """See `Runner`. It was told to stop, or has asked the server in vain, which is an error."""
        if isinstance(raised[1], Exception):
            self._stages.lost()
        self._stages.stops()
        await super().__aexit__(*raised)


def serve(stages: Stages) -> None:
    """Serve the deployments until SIGTERM or Ctrl-C; their schedules are paused then, and runs end as cancelled.

    Raises:
        KeyboardInterrupt: it was told to stop, by either signal.
        PipelineError: the server does not take the deployments.
    """
    try:
        set_up()
        # Prefect prints tracebacks of every failed request there; `lost` says it in a line.
        with Path(os.devnull).open("w") as nowhere, contextlib.redirect_stdout(nowhere):
            asyncio.run(_serve(stages))
    except asyncio.CancelledError:
        raise KeyboardInterrupt from None
    except HTTPError as error:
        raise _refused(error) from error


def _refused(error: HTTPError) -> PipelineError:
    if not isinstance(error, HTTPStatusError):
        return PipelineError(
            f"the Prefect server failed ({type(error).__name__})", next_command="rlm-context doctor"
        )
    return PipelineError(
        f"the Prefect server does not accept what `rlm-context up` asks (HTTP {error.response.status_code})",
        next_command="prefect config set PREFECT_API_AUTH_STRING=USER:PASSWORD, or PREFECT_API_KEY",
    )


async def _serve(stages: Stages) -> None:
    runner = _Runner(stages, name="rlm-context", limit=_RUNS_AT_ONCE, pause_on_shutdown=True)
    for deployment in await deployments():
        await runner.aadd_deployment(deployment)
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
