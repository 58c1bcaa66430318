"""The command router, the service through which commands are run in a sandbox.

Like the real service (from the client's source): the client names a command by an id of its own, so that starting it
twice is starting it once; outputs are read from an offset, and input is written at one.
"""

from collections.abc import AsyncIterator

from grpclib import GRPCError, Status
from modal_proto import task_command_router_pb2 as router

from tests.modal_emulator.processes import Output, Process
from tests.modal_emulator.sandboxes import Sandboxes


class Router:
    """Commands in the sandboxes of one emulator."""

    def __init__(self, sandboxes: Sandboxes) -> None:
        self._sandboxes = sandboxes

    async def task_exec_start(self, request: router.TaskExecStartRequest) -> router.TaskExecStartResponse:
        sandbox = self._sandboxes.running(request.task_id)
        async with sandbox.starting:
            if request.exec_id not in sandbox.commands:
                started = await self._sandboxes.start(
                    sandbox,
                    request.command_args,
                    request.workdir,
                    request.secret_sources,
                    request.timeout_secs,
                )
                sandbox.commands[request.exec_id] = started
                if sandbox.ended.is_set():
                    started.kill()
        return router.TaskExecStartResponse()

    async def task_exec_stdin_write(
        self, request: router.TaskExecStdinWriteRequest
    ) -> router.TaskExecStdinWriteResponse:
        process = self._process(request.task_id, request.exec_id)
        await process.write(request.offset, request.data, end=request.eof)
        return router.TaskExecStdinWriteResponse()

    async def task_exec_stdin_write_stream(
        self, requests: AsyncIterator[router.TaskExecStdinWriteStreamRequest]
    ) -> router.TaskExecStdinWriteStreamResponse:
        start = (await anext(requests)).start
        process = self._process(start.task_id, start.exec_id)
        offset = start.offset
        async for request in requests:
            await process.write(offset, request.data, end=request.HasField("end"))
            offset += len(request.data)
        return router.TaskExecStdinWriteStreamResponse()

    async def task_exec_stdin_status(
        self, request: router.TaskExecStdinStatusRequest
    ) -> router.TaskExecStdinStatusResponse:
        process = self._process(request.task_id, request.exec_id)
        return router.TaskExecStdinStatusResponse(num_bytes_written=process.written, closed=process.closed)

    async def task_exec_stdio_read(
        self, request: router.TaskExecStdioReadRequest
    ) -> AsyncIterator[router.TaskExecStdioReadResponse]:
        process = self._process(request.task_id, request.exec_id)
        errors = request.file_descriptor == router.TASK_EXEC_STDIO_FILE_DESCRIPTOR_STDERR
        async for data in (process.stderr if errors else process.stdout).read(request.offset):
            yield router.TaskExecStdioReadResponse(data=data)

    async def task_exec_poll(self, request: router.TaskExecPollRequest) -> router.TaskExecPollResponse:
        code = self._process(request.task_id, request.exec_id).code
        return router.TaskExecPollResponse(**({} if code is None else exit_status(code)))

    async def task_exec_wait(self, request: router.TaskExecWaitRequest) -> router.TaskExecWaitResponse:
        code = await self._process(request.task_id, request.exec_id).wait()
        return router.TaskExecWaitResponse(**exit_status(code))

    async def sandbox_stdin_write_v2(
        self, request: router.SandboxStdinWriteV2Request
    ) -> router.SandboxStdinWriteV2Response:
        await self._first(request.task_id).write(request.offset, request.data, end=request.eof)
        return router.SandboxStdinWriteV2Response()

    async def sandbox_stdio_read_v2(
        self, request: router.SandboxStdioReadV2Request
    ) -> AsyncIterator[router.SandboxStdioReadV2Response]:
        process = self._first(request.task_id)
        errors = request.file_descriptor == router.SANDBOX_STDIO_FILE_DESCRIPTOR_STDERR
        output: Output = process.stderr if errors else process.stdout
        offset = request.offset
        async for data in output.read(offset):
            yield router.SandboxStdioReadV2Response(data=data, starting_offset=offset)
            offset += len(data)

    def _process(self, task_id: str, exec_id: str) -> Process:
        return self._sandboxes.by_task(task_id).command(exec_id)

    def _first(self, task_id: str) -> Process:
        first = self._sandboxes.by_task(task_id).first
        if first is None:
            raise GRPCError(Status.FAILED_PRECONDITION, "the sandbox was made without a command")
        return first


def exit_status(code: int) -> dict[str, int]:
    """How a process ended, as the router says it."""
    return {"code": code} if code >= 0 else {"signal": -code}
