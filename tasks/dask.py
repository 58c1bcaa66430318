"""Tasks on a Dask cluster, through Prefect's runner: one of this machine for each compile, or one that is there."""

import asyncio
import os
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Any, TypeVar

from prefect import Task

from data_models.errors import SettingsError
from data_models.settings import Settings

if TYPE_CHECKING:
    from prefect_dask.task_runners import DaskTaskRunner

R = TypeVar("R")


class DaskCluster:
    """Where tasks of the current flow run can be submitted. The cluster is started with the first.

    Args:
        runner: started already.
    """

    def __init__(self, runner: "DaskTaskRunner") -> None:
        self._runner = runner
        self._connecting = asyncio.Lock()

    async def run(self, task: Task[..., Any], **parameters: Any) -> Any:
        """The result of a task that some worker runs.

        Raises:
            Exception: what the task raised.
        """
        async with self._connecting:
            await asyncio.to_thread(lambda: self._runner.client)
        future: Any = await asyncio.to_thread(self._runner.submit, task, parameters)
        loop, done = asyncio.get_running_loop(), asyncio.Event()
        # Not waited for in a thread: batches would take all threads that others of this process wait for.
        future.wrapped_future.add_done_callback(lambda _: loop.call_soon_threadsafe(done.set))
        try:
            await done.wait()
        except asyncio.CancelledError:
            await asyncio.to_thread(future.wrapped_future.cancel)
            raise
        return await asyncio.to_thread(future.result)


@asynccontextmanager
async def dask_cluster(settings: Settings) -> AsyncIterator[DaskCluster | None]:
    """The cluster that the settings name, for the block; None where they name another runner.

    Raises:
        SettingsError: Prefect's runner for Dask is not installed.
    """
    if settings.runner != "dask":
        yield None
        return
    try:
        from prefect_dask.task_runners import DaskTaskRunner
    except ModuleNotFoundError as error:
        raise SettingsError(
            "the runner dask needs the package prefect-dask", next_command="pip install 'rlm-context[dask]'"
        ) from error
    runner: Any = (
        DaskTaskRunner(address=settings.dask_scheduler)
        if settings.dask_scheduler
        else DaskTaskRunner(cluster_kwargs=_this_machine(settings))
    )
    runner.__enter__()
    try:
        yield DaskCluster(runner)
    finally:
        await asyncio.to_thread(runner.__exit__, None, None, None)  # it waits for workers to end


def _this_machine(settings: Settings) -> dict[str, Any]:
    """A cluster of as many processes as there are processors."""
    folder = settings.home / "cache" / "dask"
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    return {
        "n_workers": os.cpu_count(),
        "threads_per_worker": 1,
        "dashboard_address": None,
        "local_directory": str(folder),
        # Whoever reaches a scheduler can run code as its user: so only who has this cluster's own certificate.
        "security": True,
    }
