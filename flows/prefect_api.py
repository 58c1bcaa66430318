"""Which Prefect server this process talks to: the user's own, else the home's local one.

Nothing here imports Prefect before its settings are decided, because it reads them once, when it is imported.
"""

import contextlib
import os
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path

from data_models.errors import PipelineError
from flows.configured import configured_api, without_password
from flows.local_server import LocalServer, end_lesser, local_server, prefect_folder, wait_until_healthy

_LOOKS = "2"
"""Seconds between two looks for triggered runs, by who serves deployments on the home's server. Prefect's 10 would be
most of what a session's end waits for; docs/prefect.md has what the looks cost."""

_LOOPBACK = "127.0.0.1"


@contextlib.contextmanager
def prefect_api(home: Path, *, own: bool = False) -> Iterator[str]:
    """Decide on the Prefect server, set it up for this process, and keep it alive for the block.

    A server that the user configured (`PREFECT_API_URL`, or in the active profile) is used as it is. Else the
    home's local server is joined or started, and Prefect's environment in this process points to it.

    Args:
        home: the user's home of rlm-context.
        own: use the home's local server, whatever the user configured.

    Yields:
        The URL of the API.

    Raises:
        PipelineError: the local server cannot be started, or does not answer.
    """
    configured = "" if own else configured_api()
    if configured:
        with _environment({"DO_NOT_TRACK": "1"}), _settings_in_force(prefect_folder(home)):
            _require_answer(configured)
            yield configured
        return
    with (
        local_server(home) as server,
        _environment(_client_environment(home, server)),
        _settings_in_force(prefect_folder(home)),  # takes a second, in which the server starts
    ):
        yield wait_until_healthy(home, server).url


@contextlib.contextmanager
def serving_api(home: Path, waits: Callable[[], None]) -> Iterator[str]:
    """As `prefect_api`, for a process that serves deployments: on a local server that keeps schedules.

    Args:
        home: the user's home of rlm-context.
        waits: called where a compile still uses a server without schedules, which has to end first.

    Yields:
        The URL of the API.

    Raises:
        PipelineError: the server cannot be started, or does not answer.
    """
    ours = {
        "PREFECT_FLOWS_HEARTBEAT_FREQUENCY": "30",  # what the automation for dead runs listens to
        "PREFECT_CLIENT_RETRY_EXTRA_CODES": "500",  # what a server says while its PostgreSQL is away
    }
    # Runs are started in this folder too: a checkout has no say in their settings.
    with _inside(prefect_folder(home)):
        if configured_api():
            with _environment(ours), prefect_api(home) as url:
                yield url
            return
        end_lesser(home, waits)
        with (
            local_server(home, schedules=True) as server,
            _environment(
                _client_environment(home, server) | ours | {"PREFECT_RUNNER_POLL_FREQUENCY": _LOOKS}
            ),
            _settings_in_force(prefect_folder(home)),
        ):
            if not server.schedules:
                raise PipelineError(
                    "another command was faster with a server of its own", next_command="rlm-context up"
                )
            yield wait_until_healthy(home, server).url


def _require_answer(url: str) -> None:
    from prefect.client.orchestration import get_client

    with get_client(sync_client=True) as client:
        problem = client.api_healthcheck()
    if problem is not None:
        raise PipelineError(
            f"the Prefect server at {without_password(url)} does not answer ({type(problem).__name__})",
            next_command="prefect server start, or unset PREFECT_API_URL for a local server",
        )


def _client_environment(home: Path, server: LocalServer) -> dict[str, str | None]:
    """Prefect's environment of a process that uses the local server; None unsets."""
    ours: dict[str, str | None] = {
        # What the user set for another server must not reach ours; how much is logged is still the user's.
        name: None
        for name in os.environ
        if name.startswith("PREFECT_") and not name.startswith("PREFECT_LOGGING_")
    }
    return ours | {
        "DO_NOT_TRACK": "1",
        "PREFECT_HOME": str(prefect_folder(home)),
        "PREFECT_API_URL": server.url,
        "PREFECT_API_AUTH_STRING": server.auth,
        "PREFECT_SERVER_ANALYTICS_ENABLED": "false",
        "PREFECT_CLIENT_SERVER_VERSION_CHECK_ENABLED": "false",
        "NO_PROXY": ",".join(filter(None, (os.environ.get("NO_PROXY"), _LOOPBACK))),
        "no_proxy": ",".join(filter(None, (os.environ.get("no_proxy"), _LOOPBACK))),
    }


@contextlib.contextmanager
def _environment(values: Mapping[str, str | None]) -> Iterator[None]:
    before = {name: os.environ.get(name) for name in values}
    _apply(values)
    try:
        yield
    finally:
        _apply(before)


def _apply(values: Mapping[str, str | None]) -> None:
    for name, value in values.items():
        if value is None:
            os.environ.pop(name, None)
        else:
            os.environ[name] = value


@contextlib.contextmanager
def _settings_in_force(folder: Path) -> Iterator[None]:
    """Load Prefect with the environment as it is now, whether or not it was imported before.

    Prefect also reads `.env`, `prefect.toml` and `pyproject.toml` of the working folder, where a logging
    configuration may name code to run; the working folder may be anyone's checkout, so they are not read.
    """
    with _inside(folder):
        from prefect import context, main  # noqa: F401  main: all that a flow needs, while the server starts

        context.refresh_global_settings_context()
    try:
        yield
    finally:
        _drain()


def _drain() -> None:
    """Send what Prefect still holds back in threads: task runs are recorded from its events."""
    from prefect.events.worker import EventsWorker
    from prefect.logging.handlers import APILogWorker

    EventsWorker.drain_all(timeout=10)
    APILogWorker.drain_all(timeout=10)


@contextlib.contextmanager
def _inside(folder: Path) -> Iterator[None]:
    try:
        before = Path.cwd()
    except FileNotFoundError:
        before = folder  # a removed worktree: there is nothing to go back to
    os.chdir(folder)
    try:
        yield
    finally:
        os.chdir(before)
