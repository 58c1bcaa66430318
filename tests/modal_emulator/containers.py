"""Containers: processes of this machine that run functions with the client's own container entry point.

Like the real service (from the client's source): a container asks for inputs one after another and puts outputs; a
function's containers are at most as many as it says, and idle ones go; a container that cannot import the function
reports that once; a function has `timeout` seconds for an input.
Assumed: a container that dies fails the input it had; one that never got to ask fails all that wait. At most four
containers run for one function. Resources, regions and a blocked network are recorded with the function and have no
effect.
"""

import asyncio
import codecs
import os
import signal
import sys
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path

from google.protobuf.empty_pb2 import Empty
from modal_proto import api_pb2

from tests.modal_emulator.apps import STDERR, STDOUT, Apps
from tests.modal_emulator.calls import Calls
from tests.modal_emulator.functions import Functions
from tests.modal_emulator.parts import Parts
from tests.modal_emulator.presented import Presenter
from tests.modal_emulator.shelf import new_id
from tests.modal_emulator.volumes import Volumes, metadata
from tests.modal_emulator.wire import TASK_HEADER, asking_task

AT_MOST = 4
IDLE_S = 10.0
LAST_WORDS = 2000
INTERNAL_FAILURE = api_pb2.GenericResult.GENERIC_STATUS_INTERNAL_FAILURE
TIMED_OUT = api_pb2.GenericResult.GENERIC_STATUS_TIMEOUT
TERMINATED = api_pb2.GenericResult.GENERIC_STATUS_TERMINATED


@dataclass(eq=False)
class Container:
    """One process. It is `leaving` from the moment it will take no more inputs."""

    task_id: str
    function_id: str
    app_id: str
    process: asyncio.subprocess.Process | None = None
    asked: bool = False
    leaving: bool = False
    last_words: str = ""
    watching: set[asyncio.Task[None]] = field(default_factory=set)

    def kill(self) -> None:
        """End the process and all it started."""
        self.leaving = True
        if self.process and self.process.returncode is None:
            with suppress(ProcessLookupError):
                os.killpg(self.process.pid, signal.SIGKILL)


class Containers:
    """All containers of one emulator, started and ended as calls come."""

    def __init__(
        self, folder: Path, apps: Apps, functions: Functions, calls: Calls, parts: Parts, volumes: Volumes
    ) -> None:
        self.url = ""
        self._folder = folder
        self._apps = apps
        self._functions = functions
        self._calls = calls
        self._parts = parts
        self._volumes = volumes
        self._presenter = Presenter()
        self._containers: dict[str, Container] = {}
        self._tasks: set[asyncio.Task[None]] = set()
        apps.ending.append(self.end_app)

    async def serve(self) -> None:
        """Start containers where inputs wait, until cancelled."""
        while True:
            for function_id in self._calls.functions_waiting():
                self._scale(function_id)
            await self._calls.bell.wait(1.0)

    async def close(self) -> None:
        """End all containers."""
        for container in self._containers.values():
            container.kill()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        self._presenter.close()

    async def end_app(self, app_id: str) -> None:
        """End the containers of an app, so that all they printed is in its log."""
        ending = [container for container in self._containers.values() if container.app_id == app_id]
        for container in ending:
            container.kill()
        await asyncio.gather(*(task for container in ending for task in container.watching))

    def _scale(self, function_id: str) -> None:
        active = [
            each for each in self._containers.values() if each.function_id == function_id and not each.leaving
        ]
        busy = sum(1 for each in active if self._calls.held(each.task_id))
        wanted = busy + len(self._calls.waiting(function_id))
        settings = self._functions.definition(function_id).autoscaler_settings
        limit = min(settings.max_containers or AT_MOST, AT_MOST)
        for _ in range(min(wanted, limit) - len(active)):
            container = Container(new_id("ta"), function_id, self._functions.app_id(function_id))
            self._containers[container.task_id] = container
            task = asyncio.create_task(self._run(container))
            self._tasks.add(task)
            container.watching.add(task)
            task.add_done_callback(self._tasks.discard)

    async def _run(self, container: Container) -> None:
        try:
            reason = await self._process(container)
        except OSError as error:
            reason = f"the container could not be started: {error}"
        container.leaving = True
        lost = self._calls.held(container.task_id)
        if not container.asked:
            lost += self._calls.waiting(container.function_id)
        for each in lost:
            self._calls.fail(each, api_pb2.GenericResult(status=INTERNAL_FAILURE, exception=reason))
        del self._containers[container.task_id]
        self._calls.bell.ring()

    async def _process(self, container: Container) -> str:
        definition = self._functions.definition(container.function_id)
        home = self._folder / container.task_id
        sources = home / "root"
        sources.mkdir(parents=True)
        self._parts.write_sources(definition.mount_ids, sources)
        arguments = api_pb2.ContainerArguments(
            task_id=container.task_id,
            function_id=container.function_id,
            app_id=container.app_id,
            function_def=definition,
            app_layout=self._layout(container.app_id, definition),
        )
        (home / "arguments").write_bytes(arguments.SerializeToString())
        environment = self._apps.get(container.app_id).environment
        points = [self._volumes.point(mount) for mount in definition.volume_mounts]
        command = [sys.executable, "-m", "modal._container_entrypoint"]
        container.process = await asyncio.create_subprocess_exec(
            *self._presenter.command(points, command),
            env=self._variables(container.task_id, environment, home, definition),
            cwd=sources,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.PIPE,
            start_new_session=True,
        )
        if container.leaving:
            container.kill()
        await asyncio.gather(
            self._listen(container, container.process.stdout, STDOUT),
            self._listen(container, container.process.stderr, STDERR),
        )
        return f"the container ended with code {await container.process.wait()}: {container.last_words}"

    def _layout(self, app_id: str, definition: api_pb2.Function) -> api_pb2.AppLayout:
        layout = self._functions.layout(app_id)
        known = {known.object_id for known in layout.objects}
        for needed in definition.object_dependencies:
            if needed.object_id in known:
                continue
            entry = layout.objects.add(object_id=needed.object_id)
            if needed.object_id.startswith("vo-"):
                entry.volume_metadata.CopyFrom(metadata(self._volumes.shelf.get(needed.object_id)))
        return layout

    def _variables(
        self, task_id: str, environment: str, home: Path, definition: api_pb2.Function
    ) -> dict[str, str]:
        return {
            "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}",
            "HOME": str(home),
            "LANG": "C.UTF-8",
            "PYTHONUNBUFFERED": "1",
            "PYTHONPATH": str(home / "root"),
            **self._parts.environment(definition.image_id, definition.secret_ids),
            "MODAL_IS_REMOTE": "1",
            "MODAL_SERVER_URL": self.url,
            "MODAL_TASK_ID": task_id,
            "MODAL_ENVIRONMENT": environment,
            "MODAL_CONTAINER_ARGUMENTS_PATH": str(home / "arguments"),
            "MODAL_OVERRIDE_HEADERS": f"{TASK_HEADER}:{task_id}",
        }

    async def _listen(
        self, container: Container, stream: asyncio.StreamReader | None, descriptor: int
    ) -> None:
        decoder = codecs.getincrementaldecoder("utf-8")(errors="replace")
        while stream and (data := await stream.read(65536)):
            text = decoder.decode(data)
            container.last_words = (container.last_words + text)[-LAST_WORDS:]
            self._apps.say(container.app_id, container.task_id, container.function_id, text, descriptor)

    async def container_hello(self, request: Empty) -> Empty:
        return Empty()

    async def container_heartbeat(
        self, request: api_pb2.ContainerHeartbeatRequest
    ) -> api_pb2.ContainerHeartbeatResponse:
        return api_pb2.ContainerHeartbeatResponse()

    async def container_stop(self, request: api_pb2.ContainerStopRequest) -> api_pb2.ContainerStopResponse:
        if container := self._containers.get(request.task_id):
            container.kill()
        return api_pb2.ContainerStopResponse()

    async def function_get_inputs(
        self, request: api_pb2.FunctionGetInputsRequest
    ) -> api_pb2.FunctionGetInputsResponse:
        container = self._containers[asking_task.get()]
        container.asked = True
        loop = asyncio.get_running_loop()
        until = loop.time() + IDLE_S
        while not container.leaving:
            if taken := self._calls.take(request.function_id, container.task_id):
                seconds = self._functions.definition(request.function_id).timeout_secs
                loop.call_later(seconds, self._time_out, container, taken.id, taken.retry, seconds)
                return api_pb2.FunctionGetInputsResponse(inputs=[taken.delivered()])
            if loop.time() >= until:
                break
            await self._calls.bell.wait(until - loop.time())
        container.leaving = True
        end = api_pb2.FunctionGetInputsItem(kill_switch=True)
        return api_pb2.FunctionGetInputsResponse(inputs=[end])

    async def function_put_outputs(self, request: api_pb2.FunctionPutOutputsRequest) -> Empty:
        for output in request.outputs:
            self._calls.finish(output, asking_task.get())
        return Empty()

    async def task_result(self, request: api_pb2.TaskResultRequest) -> Empty:
        container = self._containers[asking_task.get()]
        container.leaving = container.asked = True
        for each in self._calls.waiting(container.function_id):
            self._calls.fail(each, request.result)
        return Empty()

    async def function_call_cancel(self, request: api_pb2.FunctionCallCancelRequest) -> Empty:
        for each in self._calls.get(request.function_call_id).inputs:
            task_id = each.task
            if not each.done:
                self._calls.fail(each, api_pb2.GenericResult(status=TERMINATED, exception="cancelled"))
                if container := self._containers.get(task_id):
                    container.kill()
        return Empty()

    def _time_out(self, container: Container, input_id: str, retry: int, seconds: int) -> None:
        each = self._calls.input(input_id)
        if not each.done and each.retry == retry:
            message = f"Task's current input {input_id} hit its timeout of {seconds}s"
            self._calls.fail(each, api_pb2.GenericResult(status=TIMED_OUT, exception=message))
            container.kill()
