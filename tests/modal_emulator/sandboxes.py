"""RPCs of sandboxes.

Like the real service (from the client's source): a sandbox has a first process, or waits; commands are run in it
through a second service, the command router, to which the first gives access; it ends by its process, its timeout or
by request.
This is no sandbox: processes run on this machine, as this user, with its files. They get the variables of the image
and the secrets and none of ours, volumes at their mount paths and, where bubblewrap works, no network when it is
blocked. What was asked for is recorded, so that a test can look.
"""

import asyncio
import os
import sys
from collections.abc import Iterable
from pathlib import Path

from grpclib import GRPCError, Status
from modal_proto import api_pb2

from tests.modal_emulator.apps import Apps
from tests.modal_emulator.parts import Parts
from tests.modal_emulator.presented import Presenter
from tests.modal_emulator.processes import Process
from tests.modal_emulator.shelf import new_id
from tests.modal_emulator.tokens import access_token
from tests.modal_emulator.volumes import Volumes

Result = api_pb2.GenericResult


class Sandbox:
    """One sandbox: what was asked for, its processes by id, and its result once there is one."""

    def __init__(self, request: api_pb2.SandboxCreateV2Request, home: Path) -> None:
        self.id = new_id("sb")
        # The client knows a sandbox of this version by the last letter of its task.
        self.task_id = new_id("ta") + "V"
        self.app_id = request.app_id
        self.definition = request.definition
        self.secret_sources = list(request.secret_sources)
        self.home = home / self.task_id
        self.first: Process | None = None
        self.commands: dict[str, Process] = {}
        self.starting = asyncio.Lock()
        self.result = Result()
        self.ended = asyncio.Event()

    def end(self, result: api_pb2.GenericResult) -> None:
        """Kill what runs in it; the first reason given stays."""
        if not self.result.status:
            self.result = result
        for process in self.processes():
            process.kill()
        self.ended.set()

    def processes(self) -> list[Process]:
        """All that was started in it."""
        return [*([self.first] if self.first else []), *self.commands.values()]

    def command(self, exec_id: str) -> Process:
        """The process of this id, or NOT_FOUND."""
        if exec_id not in self.commands:
            raise GRPCError(Status.NOT_FOUND, f"no process {exec_id}")
        return self.commands[exec_id]


class Sandboxes:
    """All sandboxes since the emulator started."""

    def __init__(self, folder: Path, apps: Apps, parts: Parts, volumes: Volumes) -> None:
        self.url = ""
        self._folder = folder
        self._parts = parts
        self._volumes = volumes
        self._presenter = Presenter()
        self._tasks: set[asyncio.Task[None]] = set()
        self.all: list[Sandbox] = []
        apps.ending.append(self.end_app)

    def by_task(self, task_id: str) -> Sandbox:
        """The sandbox with this task, running or not; its outputs can still be read."""
        for sandbox in self.all:
            if sandbox.task_id == task_id:
                return sandbox
        raise GRPCError(Status.NOT_FOUND, f"no sandbox runs as {task_id}")

    def running(self, task_id: str) -> Sandbox:
        """The sandbox with this task; NOT_FOUND once it has ended."""
        sandbox = self.by_task(task_id)
        if sandbox.ended.is_set():
            raise GRPCError(Status.NOT_FOUND, f"the sandbox of {task_id} has ended")
        return sandbox

    async def start(
        self,
        sandbox: Sandbox,
        command: Iterable[str],
        folder: str,
        sources: Iterable[api_pb2.SecretSource],
        timeout: int,
    ) -> Process:
        """Run a command in a sandbox, with its variables and those of `sources`."""
        definition = sandbox.definition
        environment = {
            "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}",
            "HOME": str(sandbox.home),
            "LANG": "C.UTF-8",
            **self._parts.environment(definition.image_id, definition.secret_ids),
        }
        for source in [*sandbox.secret_sources, *sources]:
            ids = [source.secret_id] if source.secret_id else []
            environment |= dict(source.env.contents) | self._parts.environment("", ids)
        points = [self._volumes.point(mount) for mount in definition.volume_mounts]
        line = self._presenter.command(points, list(command), network=not blocks_network(definition))
        return await Process.start(line, environment, Path(folder or sandbox.home), timeout)

    async def end_app(self, app_id: str) -> None:
        """End the sandboxes of an app."""
        for sandbox in self.all:
            if sandbox.app_id == app_id:
                sandbox.end(Result(status=Result.GENERIC_STATUS_TERMINATED))

    async def close(self) -> None:
        """End all."""
        for sandbox in self.all:
            sandbox.end(Result(status=Result.GENERIC_STATUS_TERMINATED))
        await asyncio.gather(*(process.wait() for sandbox in self.all for process in sandbox.processes()))
        await asyncio.gather(*self._tasks)
        self._presenter.close()

    async def sandbox_create_v2(
        self, request: api_pb2.SandboxCreateV2Request
    ) -> api_pb2.SandboxCreateV2Response:
        sandbox = Sandbox(request, self._folder)
        sandbox.home.mkdir(parents=True)
        definition = request.definition
        if definition.entrypoint_args:
            sandbox.first = await self.start(sandbox, definition.entrypoint_args, definition.workdir, [], 0)
            task = asyncio.create_task(self._watch(sandbox, sandbox.first))
            self._tasks.add(task)
            task.add_done_callback(self._tasks.discard)
        if definition.timeout_secs:
            timed_out = Result(status=Result.GENERIC_STATUS_TIMEOUT, exception="Sandbox timed out")
            asyncio.get_running_loop().call_later(definition.timeout_secs, sandbox.end, timed_out)
        self.all.append(sandbox)
        return api_pb2.SandboxCreateV2Response(
            sandbox_id=sandbox.id,
            task_id=sandbox.task_id,
            metadata=api_pb2.SandboxHandleMetadata(app_id=request.app_id),
            command_router_access=api_pb2.CommandRouterAccess(url=self.url, jwt=access_token()),
        )

    async def _watch(self, sandbox: Sandbox, process: Process) -> None:
        code = await process.wait()
        status = Result.GENERIC_STATUS_FAILURE if code else Result.GENERIC_STATUS_SUCCESS
        sandbox.end(Result(status=status, exitcode=code if code >= 0 else 128 - code))

    async def sandbox_wait_v2(self, request: api_pb2.SandboxWaitRequest) -> api_pb2.SandboxWaitResponse:
        sandbox = self._get(request.sandbox_id)
        try:
            await asyncio.wait_for(sandbox.ended.wait(), request.timeout)
        except TimeoutError:
            return api_pb2.SandboxWaitResponse()
        return api_pb2.SandboxWaitResponse(result=sandbox.result)

    async def sandbox_terminate_v2(
        self, request: api_pb2.SandboxTerminateRequest
    ) -> api_pb2.SandboxTerminateResponse:
        sandbox = self._get(request.sandbox_id)
        before = sandbox.result
        sandbox.end(Result(status=Result.GENERIC_STATUS_TERMINATED))
        return api_pb2.SandboxTerminateResponse(existing_result=before)

    async def sandbox_get_task_id_v2(
        self, request: api_pb2.SandboxGetTaskIdRequest
    ) -> api_pb2.SandboxGetTaskIdResponse:
        sandbox = self._get(request.sandbox_id)
        if sandbox.ended.is_set():
            return api_pb2.SandboxGetTaskIdResponse(task_result=sandbox.result)
        return api_pb2.SandboxGetTaskIdResponse(task_id=sandbox.task_id)

    async def sandbox_get_command_router_access(
        self, request: api_pb2.SandboxGetCommandRouterAccessRequest
    ) -> api_pb2.SandboxGetCommandRouterAccessResponse:
        return api_pb2.SandboxGetCommandRouterAccessResponse(url=self.url, jwt=access_token())

    def _get(self, sandbox_id: str) -> Sandbox:
        for sandbox in self.all:
            if sandbox.id == sandbox_id:
                return sandbox
        raise GRPCError(Status.NOT_FOUND, f"Sandbox '{sandbox_id}' not found")


def blocks_network(definition: api_pb2.Sandbox) -> bool:
    """Whether a sandbox was asked for without network."""
    blocked = api_pb2.NetworkAccess.NetworkAccessType.BLOCKED
    return definition.block_network or definition.network_access.network_access_type == blocked
