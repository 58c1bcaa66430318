"""RPCs of apps: made, published, listed, ended, and their logs.

Like the real service (documented): an app of `modal run` ends with its client, a deployed one stays; deploying a
name again keeps the ids of its functions. Apps survive a kill of the emulator, their logs and calls do not.
Assumed: a disconnected client ends its app at once.
"""

import asyncio
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path

import msgspec
from google.protobuf.empty_pb2 import Empty
from grpclib import GRPCError, Status
from modal_proto import api_pb2

from tests.modal_emulator.bell import Bell
from tests.modal_emulator.shelf import MAIN, new_id, write_atomically

STDERR = api_pb2.FILE_DESCRIPTOR_STDERR
STDOUT = api_pb2.FILE_DESCRIPTOR_STDOUT


class App(msgspec.Struct):
    """One app. Times are seconds since 1970; `functions` maps tags to ids."""

    id: str
    environment: str
    description: str
    created: float
    state: int
    name: str = ""
    deployed: float = 0.0
    stopped: float = 0.0
    version: int = 0
    functions: dict[str, str] = {}

    def lifecycle(self) -> api_pb2.AppLifecycle:
        """As the client is told."""
        return api_pb2.AppLifecycle(
            app_state=api_pb2.AppState.Value(api_pb2.AppState.Name(self.state)),
            created_at=self.created,
            deployed_at=self.deployed,
            stopped_at=self.stopped,
            version=self.version,
        )


class Log:
    """What the containers of one app have printed since the emulator started."""

    def __init__(self) -> None:
        self.batches: list[api_pb2.TaskLogsBatch] = []
        self.ended = False
        self.bell = Bell()


class Apps:
    """All apps of one emulator. `ending` is called with an app that shall end, to stop what runs for it."""

    def __init__(self, folder: Path) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self._folder = folder
        found = [msgspec.json.decode(path.read_bytes(), type=App) for path in folder.glob("ap-*")]
        self._apps = {app.id: app for app in found}
        self._logs: dict[str, Log] = {}
        self.ending: list[Callable[[str], Awaitable[None]]] = []

    def get(self, app_id: str) -> App:
        """The app of this id, or NOT_FOUND."""
        if app_id not in self._apps:
            raise GRPCError(Status.NOT_FOUND, f"App '{app_id}' not found")
        return self._apps[app_id]

    def deployed(self, name: str, environment: str) -> App | None:
        """The app deployed under this name, if there is one."""
        for app in self._apps.values():
            here = app.name == name and app.environment == (environment or MAIN)
            if here and app.state == api_pb2.APP_STATE_DEPLOYED:
                return app
        return None

    def say(self, app_id: str, task_id: str, function_id: str, text: str, descriptor: int) -> None:
        """Add to an app's log what a container has printed."""
        log = self._log(app_id)
        line = api_pb2.TaskLogs(data=text, timestamp=time.time())
        line.file_descriptor = api_pb2.FileDescriptor.Value(api_pb2.FileDescriptor.Name(descriptor))
        log.batches.append(
            api_pb2.TaskLogsBatch(
                task_id=task_id, function_id=function_id, items=[line], entry_id=str(len(log.batches) + 1)
            )
        )
        log.bell.ring()

    async def app_create(self, request: api_pb2.AppCreateRequest) -> api_pb2.AppCreateResponse:
        app = self._create(request.environment_name, request.description, request.app_state)
        page = f"https://modal.invalid/apps/{app.id}"
        return api_pb2.AppCreateResponse(app_id=app.id, app_page_url=page, app_logs_url=f"{page}/logs")

    async def app_get_or_create(
        self, request: api_pb2.AppGetOrCreateRequest
    ) -> api_pb2.AppGetOrCreateResponse:
        app = self.deployed(request.app_name, request.environment_name)
        if app is None and request.object_creation_type == api_pb2.OBJECT_CREATION_TYPE_UNSPECIFIED:
            raise GRPCError(Status.NOT_FOUND, f"App '{request.app_name}' not found")
        if app is None:
            state = api_pb2.APP_STATE_DEPLOYED
            app = self._create(request.environment_name, request.app_name, state, request.app_name)
        metadata = api_pb2.AppHandleMetadata(
            description=app.description, app_id=app.id, lifecycle=app.lifecycle()
        )
        return api_pb2.AppGetOrCreateResponse(app_id=app.id, handle_metadata=metadata)

    async def app_heartbeat(self, request: api_pb2.AppHeartbeatRequest) -> Empty:
        self.get(request.app_id)
        return Empty()

    async def app_publish(self, request: api_pb2.AppPublishRequest) -> api_pb2.AppPublishResponse:
        app = self.get(request.app_id)
        app.state = request.app_state or app.state
        app.functions = dict(request.function_ids)
        if request.name:
            app.name = app.description = request.name
            app.deployed = time.time()
            app.version += 1
        self._keep(app)
        return api_pb2.AppPublishResponse(
            url=f"https://modal.invalid/apps/{app.id}", deployed_at=app.deployed
        )

    async def app_get_by_deployment_name(
        self, request: api_pb2.AppGetByDeploymentNameRequest
    ) -> api_pb2.AppGetByDeploymentNameResponse:
        app = self.deployed(request.name, request.environment_name)
        return api_pb2.AppGetByDeploymentNameResponse(
            app_id=app.id if app else "",
            environment_name=request.environment_name,
            lifecycle=app.lifecycle() if app else None,
        )

    async def app_get_lifecycle(
        self, request: api_pb2.AppGetLifecycleRequest
    ) -> api_pb2.AppGetLifecycleResponse:
        return api_pb2.AppGetLifecycleResponse(lifecycle=self.get(request.app_id).lifecycle())

    async def app_list(self, request: api_pb2.AppListRequest) -> api_pb2.AppListResponse:
        items = []
        for app in self._apps.values():
            if app.environment == (request.environment_name or MAIN):
                lifecycle = app.lifecycle()
                item = api_pb2.AppListResponse.AppListItem(
                    app_id=app.id,
                    name=app.name,
                    description=app.description,
                    state=lifecycle.app_state,
                    created_at=app.created,
                    stopped_at=app.stopped,
                )
                items.append(item)
        return api_pb2.AppListResponse(apps=items)

    async def app_client_disconnect(self, request: api_pb2.AppClientDisconnectRequest) -> Empty:
        if self.get(request.app_id).state != api_pb2.APP_STATE_DETACHED:
            await self._end(self.get(request.app_id))
        return Empty()

    async def app_stop(self, request: api_pb2.AppStopRequest) -> Empty:
        await self._end(self.get(request.app_id))
        return Empty()

    async def task_list(self, request: api_pb2.TaskListRequest) -> api_pb2.TaskListResponse:
        return api_pb2.TaskListResponse()

    async def app_get_logs(self, request: api_pb2.AppGetLogsRequest) -> AsyncIterator[api_pb2.TaskLogsBatch]:
        log = self._log(request.app_id)
        position = int(request.last_entry_id or 0)
        until = asyncio.get_running_loop().time() + request.timeout
        while True:
            while position < len(log.batches):
                yield log.batches[position]
                position += 1
            if log.ended:
                yield api_pb2.TaskLogsBatch(app_done=True)
                return
            left = until - asyncio.get_running_loop().time()
            if left <= 0:
                return
            await log.bell.wait(left)

    def _create(self, environment: str, description: str, state: int, name: str = "") -> App:
        app = App(new_id("ap"), environment or MAIN, description, time.time(), state, name)
        self._keep(app)
        return app

    async def _end(self, app: App) -> None:
        app.state = api_pb2.APP_STATE_STOPPED
        app.stopped = time.time()
        self._keep(app)
        for end in self.ending:
            await end(app.id)
        log = self._log(app.id)
        log.ended = True
        log.bell.ring()

    def _keep(self, app: App) -> None:
        self._apps[app.id] = app
        write_atomically(self._folder / app.id, msgspec.json.encode(app))

    def _log(self, app_id: str) -> Log:
        return self._logs.setdefault(app_id, Log())
