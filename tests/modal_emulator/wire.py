"""gRPC in front of plain handlers: authentication, counting and faults happen here, for every RPC alike.

A handler is a method named as its RPC in snake case (`VolumePutFiles2`: `volume_put_files2`). It takes the request
and returns the answer; an RPC that streams its answer is an async generator. What no area handles is answered
UNIMPLEMENTED, naming the RPC.
"""

import re
from collections.abc import AsyncIterator, Callable, Sequence
from contextvars import ContextVar
from functools import partial
from typing import Any
from weakref import WeakSet

import grpclib.config
import grpclib.server
from google.protobuf.descriptor import MethodDescriptor, ServiceDescriptor
from google.protobuf.message import Message
from google.protobuf.message_factory import GetMessageClass
from grpclib import GRPCError, Status
from grpclib.const import Cardinality, Handler
from grpclib.protocol import H2Protocol
from modal._utils.grpc_utils import custom_detail_codec
from modal_proto import api_pb2

from tests.modal_emulator.faults import Fault, Faults, Traffic, delay
from tests.modal_emulator.tokens import SIGNATURE

TOKEN_ID = "ak-emulator"
TOKEN_SECRET = "as-emulator"
TASK_HEADER = "x-emulator-task"
# The container that asks, where one does; the service knows it by the socket the container was given.
asking_task: ContextVar[str] = ContextVar("asking_task", default="")
WINDOW = 64 * 1024 * 1024

Stream = grpclib.server.Stream[Any, Any]
WORD = re.compile(r"(?<!^)(?=[A-Z])")


def snake(name: str) -> str:
    """The method that handles an RPC: `VolumePutFiles2` is `volume_put_files2`."""
    return WORD.sub("_", name).lower()


def cardinality(method: MethodDescriptor) -> Cardinality:
    """Which sides of an RPC stream."""
    sides = (method.client_streaming, method.server_streaming)
    return next(each for each in Cardinality if each.value == sides)


def check_token(metadata: Any) -> None:
    """Refuse who is neither a client with the emulator's token, nor one with access to a sandbox, nor a container.

    A real container proves itself by the socket it talks through; here its word is taken.
    """
    if metadata.get("x-modal-client-type") == str(api_pb2.CLIENT_TYPE_CONTAINER):
        return
    if str(metadata.get("authorization", "")).endswith(f".{SIGNATURE}"):
        return
    token = (metadata.get("x-modal-token-id"), metadata.get("x-modal-token-secret"))
    if token != (TOKEN_ID, TOKEN_SECRET):
        raise GRPCError(Status.UNAUTHENTICATED, "Token validation failed: no such token, or a wrong secret")


def as_grpc_error(error: OSError) -> GRPCError:
    """What the service would say of a path that the disk refuses."""
    if isinstance(error, FileNotFoundError):
        return GRPCError(Status.NOT_FOUND, f"no such file or directory: {error}")
    return GRPCError(Status.INVALID_ARGUMENT, str(error))


class Server(grpclib.server.Server):
    """A server whose end is noticed: grpclib's leaves open connections open, and clients waiting."""

    def __init__(self, services: Sequence["Service"]) -> None:
        config = grpclib.config.Configuration(
            http2_connection_window_size=WINDOW, http2_stream_window_size=WINDOW
        )
        super().__init__(services, status_details_codec=custom_detail_codec, config=config)
        self._protocols: WeakSet[H2Protocol] = WeakSet()

    def _protocol_factory(self) -> H2Protocol:
        protocol = super()._protocol_factory()
        self._protocols.add(protocol)
        return protocol

    def close(self) -> None:
        """Accept no more, and end every connection."""
        super().close()
        for protocol in self._protocols:
            # Aborted, because a transport that is only closed first waits to send what nobody may read any more.
            # One that has ended before has none left.
            if transport := getattr(protocol.connection, "_transport", None):
                transport.abort()


class Service:
    """One gRPC service, answered by the handlers of `areas`."""

    def __init__(
        self, service: ServiceDescriptor, areas: Sequence[object], faults: Faults, traffic: Traffic
    ) -> None:
        self._service = service
        self._areas = areas
        self._faults = faults
        self._traffic = traffic

    def __mapping__(self) -> dict[str, Handler]:
        """Path to handler, as grpclib's server asks for it."""
        return {
            f"/{self._service.full_name}/{method.name}": Handler(
                partial(self._answer, method, self._handler(method.name)),
                cardinality(method),
                GetMessageClass(method.input_type),
                GetMessageClass(method.output_type),
            )
            for method in self._service.methods
        }

    def _handler(self, name: str) -> Callable[..., Any] | None:
        for area in self._areas:
            handler: Callable[..., Any] | None = getattr(area, snake(name), None)
            if handler:
                return handler
        return None

    async def _answer(
        self, method: MethodDescriptor, handler: Callable[..., Any] | None, stream: Stream
    ) -> None:
        name = method.name
        self._traffic.calls[name] += 1
        metadata: Any = stream.metadata or {}
        check_token(metadata)
        asking_task.set(str(metadata.get(TASK_HEADER, "")))
        if handler is None:
            await stream.recv_message()
            raise GRPCError(Status.UNIMPLEMENTED, f"the emulator has no {name}")
        fault = self._faults.take(name)
        await delay(fault)
        request = (
            self._requests(name, stream) if method.client_streaming else await self._request(name, stream)
        )
        if fault and fault.kind == "refused":
            raise fault.error()
        if fault and fault.kind == "cut before":
            return cut(stream)
        try:
            await self._do(method, handler, request, stream, fault)
        except OSError as error:
            raise as_grpc_error(error) from error

    async def _do(
        self,
        method: MethodDescriptor,
        handler: Callable[..., Any],
        request: Any,
        stream: Stream,
        fault: Fault | None,
    ) -> None:
        withheld = fault is not None and fault.kind in ("lost", "cut after")
        if method.server_streaming:
            async for answer in handler(request):
                if not withheld:
                    await self._send(method.name, stream, answer)
        else:
            answer = await handler(request)
            if not withheld:
                await self._send(method.name, stream, answer)
        if fault and fault.kind == "lost":
            raise fault.error()
        if fault and fault.kind == "cut after":
            cut(stream)

    async def _request(self, name: str, stream: Stream) -> Message:
        request: Message | None = await stream.recv_message()
        if request is None:
            raise GRPCError(Status.INVALID_ARGUMENT, f"{name} without a request")
        self._traffic.bytes_in[name] += request.ByteSize()
        return request

    async def _requests(self, name: str, stream: Stream) -> AsyncIterator[Message]:
        async for request in stream:
            self._traffic.bytes_in[name] += request.ByteSize()
            yield request

    async def _send(self, name: str, stream: Stream, answer: Message) -> None:
        self._traffic.bytes_out[name] += answer.ByteSize()
        await stream.send_message(answer)


def cut(stream: Stream) -> None:
    """End the whole connection, and with it every call on it, as a network does."""
    # grpclib offers no way to do this on purpose; the transport is the one it writes to.
    stream._stream._transport.abort()
