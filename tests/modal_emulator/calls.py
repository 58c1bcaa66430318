"""Calls of functions: inputs that wait for a container, and outputs that wait for who asked. In memory only."""

import asyncio
import time
from collections import defaultdict, deque
from dataclasses import dataclass, field

from grpclib import GRPCError, Status
from modal_proto import api_pb2

from tests.modal_emulator.bell import Bell
from tests.modal_emulator.shelf import new_id
from tests.modal_emulator.tokens import jwt

SUCCESS = api_pb2.GenericResult.GENERIC_STATUS_SUCCESS


@dataclass(eq=False)
class Call:
    """One call, of one input or many. `outputs` are numbered in the order they came."""

    id: str
    function_id: str
    retries: api_pb2.FunctionRetryPolicy
    invocation: api_pb2.FunctionCallInvocationType.ValueType
    inputs: list["Input"] = field(default_factory=list)
    outputs: list[tuple[int, api_pb2.FunctionGetOutputsItem]] = field(default_factory=list)
    came: int = 0
    bell: Bell = field(default_factory=Bell)

    @property
    def server_retries(self) -> bool:
        """Who waits for an answer retries by itself; for who does not, the service does."""
        return self.invocation != api_pb2.FUNCTION_CALL_INVOCATION_TYPE_SYNC

    @property
    def unfinished(self) -> int:
        """Inputs without an output."""
        return sum(1 for each in self.inputs if not each.done)


@dataclass(eq=False)
class Input:
    """One input of a call; `task` is the container that has it."""

    id: str
    call: Call
    idx: int
    input: api_pb2.FunctionInput
    retry: int = 0
    task: str = ""
    done: bool = False

    def delivered(self) -> api_pb2.FunctionGetInputsItem:
        """As the container gets it."""
        return api_pb2.FunctionGetInputsItem(
            input_id=self.id,
            input=self.input,
            function_call_id=self.call.id,
            function_call_invocation_type=self.call.invocation,
            retry_count=self.retry,
            function_map_idx=self.idx,
        )


class Calls:
    """All calls since the emulator started. `bell` rings when there is a new input for a function."""

    def __init__(self) -> None:
        self._calls: dict[str, Call] = {}
        self._inputs: dict[str, Input] = {}
        self._waiting: dict[str, deque[Input]] = defaultdict(deque)
        self.bell = Bell()

    def create(
        self,
        function_id: str,
        retries: api_pb2.FunctionRetryPolicy,
        invocation: api_pb2.FunctionCallInvocationType.ValueType,
    ) -> Call:
        """A call without inputs yet."""
        call = Call(new_id("fc"), function_id, retries, invocation)
        self._calls[call.id] = call
        return call

    def get(self, call_id: str) -> Call:
        """The call of this id, or NOT_FOUND."""
        if call_id not in self._calls:
            raise GRPCError(Status.NOT_FOUND, f"no function call {call_id}")
        return self._calls[call_id]

    def input(self, input_id: str) -> Input:
        """The input of this id, or NOT_FOUND."""
        if input_id not in self._inputs:
            raise GRPCError(Status.NOT_FOUND, f"no input {input_id}")
        return self._inputs[input_id]

    def add(self, call: Call, item: api_pb2.FunctionPutInputsItem) -> api_pb2.FunctionPutInputsResponseItem:
        """Queue an input."""
        new = Input(new_id("in"), call, item.idx, item.input)
        call.inputs.append(new)
        self._inputs[new.id] = new
        self._queue(new)
        return api_pb2.FunctionPutInputsResponseItem(
            idx=item.idx, input_id=new.id, input_jwt=jwt({"idx": new.idx, "id": new.id})
        )

    def again(self, each: Input, seconds: float = 0.0) -> None:
        """Queue an input that has failed, after a while; its output so far is forgotten."""
        each.retry += 1
        each.done = False
        each.task = ""
        each.call.outputs = [entry for entry in each.call.outputs if entry[1].input_id != each.id]
        asyncio.get_running_loop().call_later(seconds, self._queue, each)

    def take(self, function_id: str, task_id: str) -> Input | None:
        """Give the next input of a function to a container."""
        waiting = self._waiting[function_id]
        if not waiting:
            return None
        taken = waiting.popleft()
        taken.task = task_id
        return taken

    def waiting(self, function_id: str) -> list[Input]:
        """Inputs that no container has."""
        return list(self._waiting[function_id])

    def functions_waiting(self) -> list[str]:
        """Functions with inputs that no container has."""
        return [function_id for function_id, inputs in self._waiting.items() if inputs]

    def held(self, task_id: str) -> list[Input]:
        """Inputs that a container has and has not answered."""
        return [each for each in self._inputs.values() if each.task == task_id and not each.done]

    def finish(self, output: api_pb2.FunctionPutOutputsItem, task_id: str = "") -> None:
        """Take an output; a failed input of a call that nobody waits for is queued again while it has retries."""
        each = self.input(output.input_id)
        if each.done or output.retry_count != each.retry:
            return
        failed = output.result.status != SUCCESS
        if failed and each.call.server_retries and each.retry < each.call.retries.retries:
            self.again(each, each.call.retries.initial_delay_ms / 1000)
            return
        each.done = True
        if each in self._waiting[each.call.function_id]:
            self._waiting[each.call.function_id].remove(each)
        each.call.came += 1
        each.call.outputs.append((each.call.came, as_answer(each, output, task_id)))
        each.call.bell.ring()

    def fail(self, each: Input, result: api_pb2.GenericResult) -> None:
        """Answer an input in place of its container."""
        output = api_pb2.FunctionPutOutputsItem(input_id=each.id, result=result, retry_count=each.retry)
        self.finish(output, each.task)

    async def outputs(self, request: api_pb2.FunctionGetOutputsRequest) -> api_pb2.FunctionGetOutputsResponse:
        """Outputs that the asker has not seen, waiting for one as long as it says."""
        call = self.get(request.function_call_id)
        until = time.monotonic() + request.timeout
        seen = int(request.last_entry_id.partition("-")[0] or 0)
        while True:
            news = [entry for entry in call.outputs if entry[0] > seen and asked_for(entry[1], request)]
            left = until - time.monotonic()
            if news or left <= 0:
                return api_pb2.FunctionGetOutputsResponse(
                    outputs=[item for _, item in news],
                    last_entry_id=f"{news[-1][0] if news else seen}-0",
                    num_unfinished_inputs=call.unfinished,
                )
            await call.bell.wait(left)

    def _queue(self, each: Input) -> None:
        self._waiting[each.call.function_id].append(each)
        self.bell.ring()


def asked_for(item: api_pb2.FunctionGetOutputsItem, request: api_pb2.FunctionGetOutputsRequest) -> bool:
    """Whether the output is one of those asked for by index."""
    first = request.start_idx if request.HasField("start_idx") else item.idx
    last = request.end_idx if request.HasField("end_idx") else item.idx
    return bool(first <= item.idx <= last)


def as_answer(
    each: Input, output: api_pb2.FunctionPutOutputsItem, task_id: str
) -> api_pb2.FunctionGetOutputsItem:
    """An output as who asked for it gets it."""
    return api_pb2.FunctionGetOutputsItem(
        result=output.result,
        idx=each.idx,
        input_id=each.id,
        data_format=output.data_format,
        task_id=task_id,
        input_started_at=output.input_started_at,
        output_created_at=output.output_created_at,
        retry_count=output.retry_count,
    )
