"""RPCs of functions: made, looked up, called.

Like the real service (from the client's source): a call is one RPC, a map is a call whose inputs follow; who waits
polls with a timeout; inputs and results above 2 MiB are blobs; a schedule is kept with the function and shown, and
nothing is run by it. A call that is repeated because its answer was lost is two calls: whether the real service
knows them for one is undocumented.
Assumed: outputs are kept as long as the emulator runs.
"""

from pathlib import Path

from google.protobuf.empty_pb2 import Empty
from grpclib import GRPCError, Status
from modal_proto import api_pb2

from tests.modal_emulator.apps import Apps
from tests.modal_emulator.calls import Calls
from tests.modal_emulator.shelf import Messages, new_id
from tests.modal_emulator.tokens import payload

MAX_OUTSTANDING = 1000


class Functions:
    """All functions of one emulator, and their calls."""

    def __init__(self, folder: Path, apps: Apps, calls: Calls) -> None:
        self._functions = Messages(folder, api_pb2.FunctionCreateRequest)
        self._apps = apps
        self._calls = calls

    def definition(self, function_id: str) -> api_pb2.Function:
        """What the client said of a function; of several with different GPUs, the first."""
        request = self._functions.get(function_id)
        several = request.function_data.ranked_functions
        definition: api_pb2.Function = several[0].function if several else request.function
        return definition

    def app_id(self, function_id: str) -> str:
        """The app a function is of."""
        return str(self._functions.get(function_id).app_id)

    def layout(self, app_id: str) -> api_pb2.AppLayout:
        """All functions of an app."""
        functions = self._apps.get(app_id).functions
        objects = [
            api_pb2.Object(object_id=function_id, function_handle_metadata=self._handle(function_id))
            for function_id in functions.values()
        ]
        return api_pb2.AppLayout(objects=objects, function_ids=functions)

    async def app_get_layout(self, request: api_pb2.AppGetLayoutRequest) -> api_pb2.AppGetLayoutResponse:
        return api_pb2.AppGetLayoutResponse(app_layout=self.layout(request.app_id))

    async def function_precreate(
        self, request: api_pb2.FunctionPrecreateRequest
    ) -> api_pb2.FunctionPrecreateResponse:
        metadata = api_pb2.FunctionHandleMetadata(
            function_name=request.function_name,
            function_type=request.function_type,
            function_schema=request.function_schema,
            supported_input_formats=request.supported_input_formats,
            supported_output_formats=request.supported_output_formats,
            app_id=request.app_id,
        )
        function_id = request.existing_function_id or new_id("fu")
        return api_pb2.FunctionPrecreateResponse(function_id=function_id, handle_metadata=metadata)

    async def function_create(self, request: api_pb2.FunctionCreateRequest) -> api_pb2.FunctionCreateResponse:
        function_id = request.existing_function_id or new_id("fu")
        self._functions.put(function_id, request)
        return api_pb2.FunctionCreateResponse(
            function_id=function_id,
            function=self.definition(function_id),
            handle_metadata=self._handle(function_id),
            function_data=self._data(function_id),
        )

    async def function_get(self, request: api_pb2.FunctionGetRequest) -> api_pb2.FunctionGetResponse:
        app = self._apps.deployed(request.app_name, request.environment_name)
        function_id = app.functions.get(request.object_tag) if app else None
        if function_id is None:
            raise GRPCError(Status.NOT_FOUND, f"no function {request.object_tag} of app {request.app_name}")
        return api_pb2.FunctionGetResponse(
            function_id=function_id,
            handle_metadata=self._handle(function_id),
            function=self._data(function_id),
        )

    async def function_map(self, request: api_pb2.FunctionMapRequest) -> api_pb2.FunctionMapResponse:
        definition = self.definition(request.function_id)
        invocation = request.function_call_invocation_type
        call = self._calls.create(request.function_id, definition.retry_policy, invocation)
        return api_pb2.FunctionMapResponse(
            function_call_id=call.id,
            function_call_jwt=call.id,
            pipelined_inputs=[self._calls.add(call, item) for item in request.pipelined_inputs],
            retry_policy=definition.retry_policy,
            sync_client_retries_enabled=True,
            max_inputs_outstanding=MAX_OUTSTANDING,
        )

    async def function_put_inputs(
        self, request: api_pb2.FunctionPutInputsRequest
    ) -> api_pb2.FunctionPutInputsResponse:
        call = self._calls.get(request.function_call_id)
        added = [self._calls.add(call, item) for item in request.inputs]
        return api_pb2.FunctionPutInputsResponse(inputs=added)

    async def function_retry_inputs(
        self, request: api_pb2.FunctionRetryInputsRequest
    ) -> api_pb2.FunctionRetryInputsResponse:
        for item in request.inputs:
            self._calls.again(self._calls.input(str(payload(item.input_jwt)["id"])))
        return api_pb2.FunctionRetryInputsResponse(input_jwts=[item.input_jwt for item in request.inputs])

    async def function_finish_inputs(self, request: api_pb2.FunctionFinishInputsRequest) -> Empty:
        self._calls.get(request.function_call_id)
        return Empty()

    async def function_get_outputs(
        self, request: api_pb2.FunctionGetOutputsRequest
    ) -> api_pb2.FunctionGetOutputsResponse:
        return await self._calls.outputs(request)

    async def function_call_from_id(
        self, request: api_pb2.FunctionCallFromIdRequest
    ) -> api_pb2.FunctionCallFromIdResponse:
        call = self._calls.get(request.function_call_id)
        return api_pb2.FunctionCallFromIdResponse(
            function_call_id=call.id,
            num_inputs=len(call.inputs),
            metadata=api_pb2.FunctionCallHandleMetadata(
                app_id=self.app_id(call.function_id), function_id=call.function_id
            ),
        )

    def _handle(self, function_id: str) -> api_pb2.FunctionHandleMetadata:
        definition = self.definition(function_id)
        return api_pb2.FunctionHandleMetadata(
            function_name=definition.function_name,
            function_type=definition.function_type,
            function_schema=definition.function_schema,
            supported_input_formats=definition.supported_input_formats,
            supported_output_formats=definition.supported_output_formats,
            definition_id=function_id.replace("fu-", "de-"),
            app_id=self.app_id(function_id),
        )

    def _data(self, function_id: str) -> api_pb2.FunctionData:
        request = self._functions.get(function_id)
        if request.HasField("function_data"):
            return request.function_data
        ranked = api_pb2.FunctionData.RankedFunction(rank=0, function=request.function)
        return api_pb2.FunctionData(
            module_name=request.function.module_name,
            function_name=request.function.function_name,
            function_type=request.function.function_type,
            timeout_secs=request.function.timeout_secs,
            schedule=request.function.schedule,
            autoscaler_settings=request.function.autoscaler_settings,
            ranked_functions=[ranked],
        )
