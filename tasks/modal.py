"""The steps of a compile whose batches are done by the app that is deployed on Modal (`flows.modal_app`)."""

import asyncio
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import modal
from grpclib.exceptions import GRPCError, StreamTerminatedError

from compiler import batches
from compiler.runtime import Runtime
from compiler.steps import DirectSteps
from compiler.work import Ingested, Plan, Summarized, Unreadable
from data_models.errors import SettingsError, StoreError

DEFAULT_STORE = "modal://rlm-context"
COMPILE, INGEST, SUMMARIZE = "compile", "ingest_batch", "summarize_batch"
BATCH_SECONDS = 3600
"""A batch that takes an hour hangs: the largest takes minutes."""

_DEPLOY = "modal deploy -m flows.modal_app"
_PATIENCE = 30.0
"""Seconds to find the app. The client by itself goes on for nearly a minute."""
_WAITING = 3600
"""Seconds that a batch may wait for a container, besides the time that it takes."""
_FAILURES = (modal.exception.Error, GRPCError, StreamTerminatedError, ConnectionError, TimeoutError)
_AWAY = (
    *(modal.exception.AuthError, modal.exception.ConnectionError, modal.exception.ServiceError),
    *(GRPCError, StreamTerminatedError, ConnectionError),
)


class NotDeployedError(SettingsError):
    """The app is not deployed, or is of another version."""


def app_name(store: str) -> str:
    """The app that works on a store, which is called like the store's volume.

    Args:
        store: the store's URL.

    Raises:
        SettingsError: it is not on Modal.
    """
    scheme, _, address = store.partition("://")
    if scheme != "modal":
        raise SettingsError(
            f"the app on Modal works on a store in a Modal volume, and {store} is none",
            next_command=f"set RLM_CONTEXT_STORE, e.g. to {DEFAULT_STORE}",
        )
    return address.partition("/")[0]


class ModalSteps(DirectSteps):
    """Ingests and summarises in containers on Modal, and does the other steps in this process.

    Raises:
        SettingsError: the runtime's store is not on Modal.
    """

    def __init__(self, runtime: Runtime) -> None:
        super().__init__(runtime)
        self._app = app_name(runtime.store.url)

    async def ingest(self, plan: Plan, receipts: Sequence[str], label: str) -> list[Ingested | Unreadable]:
        """See `compiler.steps.Steps.ingest`."""
        sent = batches.ingest_batch(self.runtime, plan, receipts, label)
        return batches.ingested(await _asked(self._app, INGEST, sent))

    async def summarize(self, plan: Plan, sessions: Sequence[Ingested], label: str) -> list[Summarized]:
        """See `compiler.steps.Steps.summarize`."""
        sent = batches.summarize_batch(self.runtime, plan, sessions, label)
        return batches.summarized(await _asked(self._app, SUMMARIZE, sent))


def spawn_compile(store: str, project: str) -> str:
    """Have a project compiled by the deployed app, and wait for nothing but that it was asked.

    Args:
        store: the store's URL.
        project: the project.

    Returns:
        The id of the call.

    Raises:
        NotDeployedError, SettingsError, StoreError: as of `_asked`.
    """
    app = app_name(store)

    async def spawn() -> str:
        function = await _found(app, COMPILE)
        call = await asyncio.wait_for(function.spawn.aio(project), _PATIENCE)
        return str(call.object_id)

    with _errors_told(app):
        return asyncio.run(spawn())


def has_ended(store: str, call: str) -> bool:
    """Whether a call of the deployed app has ended, however; raises as `spawn_compile` does."""

    async def ended() -> bool:
        try:
            await asyncio.wait_for(modal.FunctionCall.from_id(call).get.aio(timeout=0), _PATIENCE)
        except TimeoutError:
            return False
        except _AWAY:
            raise
        except Exception:  # noqa: BLE001  whatever the function raised, it has ended
            return True
        return True

    with _errors_told(app_name(store)):
        return asyncio.run(ended())


async def _asked(app: str, name: str, sent: str) -> str:
    """What a function of the deployed app returns.

    Raises:
        NotDeployedError: the app is not deployed, or is of another version.
        SettingsError: the token is not accepted.
        StoreError: Modal gives no answer, or a container ended; that can pass.
        RlmContextError: what the function itself raises.
    """
    with _errors_told(app):
        function = await _found(app, name)
        return str(await asyncio.wait_for(function.remote.aio(sent), BATCH_SECONDS + _WAITING))


async def _found(app: str, name: str) -> Any:
    function = modal.Function.from_name(app, name)
    await asyncio.wait_for(function.hydrate.aio(), _PATIENCE)
    return function


@contextmanager
def _errors_told(app: str) -> Iterator[None]:
    """Modal's errors as ours, with the command that mends each."""
    try:
        yield
    except modal.exception.NotFoundError as error:
        raise NotDeployedError(
            f"the app {app} is not deployed on Modal, or is of another version", next_command=_DEPLOY
        ) from error
    except modal.exception.AuthError as error:
        raise SettingsError("Modal does not accept the token", next_command="modal token new") from error
    except _FAILURES as error:
        raise StoreError(
            f"Modal did not do its part of the compile ({type(error).__name__})",
            next_command=f"modal app logs {app}",
            partial=True,
        ) from error
