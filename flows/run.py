"""Running compiles from the command line: against the server that `flows.prefect_api` decides on."""

import asyncio
from collections.abc import Callable, Sequence
from pathlib import Path

from compiler.report import ProjectReport
from compiler.uploading.author import author_of
from data_models.errors import PipelineError, RlmContextError
from data_models.settings import load_settings
from flows.prefect_api import prefect_api


def compile_projects(
    home: Path,
    projects: Sequence[str],
    *,
    full: bool = False,
    max_usd: float | None = None,
    own_server: bool = False,
    trigger: str = "command line",
    begins: Callable[[str], None] = lambda project: None,
) -> list[ProjectReport | RlmContextError]:
    """Compile projects one after the other, each as a flow run.

    Args:
        home: the user's home of rlm-context.
        projects: the projects' names in the store.
        full: make everything anew from the uploads.
        max_usd: the most that all of them together may spend on model calls, in US dollars; None for no limit.
        own_server: run on the home's local server, whatever the user configured.
        trigger: what started them, which their records say.
        begins: called with each project's name when it begins.

    Returns:
        For each project its report, or the error that stopped it: one project does not stop the others.

    Raises:
        PipelineError: there is no Prefect server to run on.
    """
    with prefect_api(home, own=own_server):
        # Not before: Prefect reads its settings when it is imported.
        from prefect import tags

        from flows.compile import STARTED_BY

        STARTED_BY.set(trigger)
        results: list[ProjectReport | RlmContextError] = []
        with tags(f"by:{author_of(load_settings())}"):
            for project in projects:
                begins(project)
                results.append(_compiled(project, full, left(max_usd, results)))
        return results


def _compiled(project: str, full: bool, max_usd: float | None) -> ProjectReport | RlmContextError:
    try:
        return asyncio.run(compile_as_run(project, full, max_usd))
    except RlmContextError as error:
        return error


async def compile_as_run(project: str, full: bool, max_usd: float | None) -> ProjectReport:
    """Compile a project as a flow run, in a process whose Prefect server is decided on; arguments as of the flow.

    Raises:
        RlmContextError: it failed, somebody cancelled it, or the Prefect server failed.
    """
    from httpx import HTTPError
    from prefect import tags
    from prefect.exceptions import CancelledRun, PrefectException

    from flows.compile import compile_context

    try:
        with tags("rlm-context", project):
            return await compile_context(project, full, max_usd)
    except CancelledRun as error:
        raise PipelineError(
            f"the compile of {project} was cancelled", next_command="rlm-context compile", partial=True
        ) from error
    except (HTTPError, PrefectException) as error:
        raise PipelineError(
            f"the Prefect server failed during the compile of {project} ({type(error).__name__})",
            next_command="rlm-context compile",
            partial=True,
        ) from error


def left(max_usd: float | None, results: Sequence[ProjectReport | RlmContextError]) -> float | None:
    """What may still be spent. What a compile that failed had spent is not known, so it counts as all."""
    if max_usd is None:
        return None
    reports = [result for result in results if isinstance(result, ProjectReport)]
    if len(reports) < len(results):
        return 0.0
    return max(max_usd - sum(report.spent_now for report in reports), 0.0)
