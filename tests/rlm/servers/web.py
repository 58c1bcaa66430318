"""A small HTTP/1.1 server on 127.0.0.1, in a thread of its own, that misbehaves on request.

It keeps every request, so that a test can count them, and never closes a connection unless it is told to.
"""

import asyncio
import json
import struct
import threading
import time
from collections.abc import AsyncIterator, Awaitable
from contextlib import suppress
from dataclasses import dataclass, field
from http import HTTPStatus
from socket import SO_LINGER, SOL_SOCKET
from types import TracebackType
from typing import Any, Self

from tests.rlm.servers.faults import Fault, Plan, never
from tests.waiting import turns, until_async


@dataclass
class Received:
    """One request. `headers` are in lower case, without the key.

    `at` is when it had arrived, on the monotonic clock; `fault` is what went wrong with its answer, and `answered`
    whether the last byte of an answer was handed to the system.
    """

    number: int
    method: str
    path: str
    headers: dict[str, str]
    body: Any
    has_key: bool = False
    at: float = field(default_factory=time.monotonic)
    fault: Fault | None = None
    answered: bool = False


@dataclass
class Answer:
    """One response: a JSON document, or parts that are sent one by one (chunked)."""

    document: Any = None
    status: int = 200
    headers: dict[str, str] = field(default_factory=dict)
    parts: AsyncIterator[bytes] | None = None
    content_type: str = "application/json"


class Server:
    """Use it as a context manager. Subclasses answer; attributes may be changed while it runs.

    Attributes:
        received: all requests, in the order they came.
        faults: what goes wrong with which request.
        latency: seconds before each answer to a call of a model.
        capacity: calls at once above which it answers 429.
        peak: the most calls that were being answered at once.
    """

    def __init__(self) -> None:
        self.received: list[Received] = []
        self.faults: Plan = never
        self.latency = 0.0
        self.capacity: int | None = None
        self.limits: dict[str, str] = {}
        self.peak = 0
        self._inside = 0
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, daemon=True)
        self._connections: set[asyncio.Task[None]] = set()

    @property
    def url(self) -> str:
        """Where it listens, without a path."""
        return f"http://127.0.0.1:{self._port}"

    def requests(self, path: str) -> list[Received]:
        """Those to one path."""
        return [each for each in list(self.received) if each.path == path]

    def is_call(self, received: Received) -> bool:
        """Whether a request asks a model: such requests have latency, capacity and faults."""
        raise NotImplementedError

    async def answer(self, received: Received, fault: Fault | None) -> Answer:
        """The answer, with the content that `fault` asks for, if it concerns content."""
        raise NotImplementedError

    def refusal(self, status: int, message: str) -> dict[str, Any]:
        """The body of an error in the provider's form."""
        raise NotImplementedError

    def __enter__(self) -> Self:
        self._thread.start()
        self._port = self._do(self._listen())
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._do(self._stop())
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()

    def hear_out(self) -> None:
        """Wait until all is read that was sent by processes that are gone: some of it may come to be after their end.

        Nobody else may be connected.
        """
        self._do(self._hear_out())

    def _do(self, work: Awaitable[Any]) -> Any:
        async def wrapped() -> Any:
            return await work

        return asyncio.run_coroutine_threadsafe(wrapped(), self._loop).result(60)

    async def _listen(self) -> int:
        self._server = await asyncio.start_server(self._connected, "127.0.0.1", 0, backlog=1024)
        return int(self._server.sockets[0].getsockname()[1])

    async def _stop(self) -> None:
        # Whoever was let in at the last moment is served before it ends: asyncio would lose the connection, and its
        # socket would be a later test's warning.
        for listening in self._server.sockets:
            self._loop.remove_reader(listening.fileno())
        await turns()
        self._server.close()
        for task in self._connections:
            task.cancel()
        await asyncio.gather(*self._connections, return_exceptions=True)
        await turns()  # until their sockets are closed

    async def _hear_out(self) -> None:
        reader, writer = await asyncio.open_connection("127.0.0.1", self._port)
        writer.write_eof()
        await reader.read()  # who came before was let in before
        writer.close()
        await until_async(lambda: len(self._connections) <= self._inside)  # some are read only now

    async def _connected(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task
        self._connections.add(task)
        try:
            with suppress(ConnectionError, asyncio.IncompleteReadError, asyncio.CancelledError):
                while received := await self._read(reader):
                    if not await self._serve(received, writer):
                        break
        finally:
            self._connections.discard(task)
            writer.close()

    async def _read(self, reader: asyncio.StreamReader) -> Received | None:
        if not (line := await reader.readline()):
            return None
        method, target, _ = line.decode().split(" ")
        headers: dict[str, str] = {}
        while (line := await reader.readline()).strip():
            name, _, value = line.decode("latin-1").partition(":")
            headers[name.strip().lower()] = value.strip()
        raw = await reader.readexactly(int(headers.get("content-length", 0)))
        keys = [headers.pop(name, None) for name in ("x-api-key", "authorization")]
        received = Received(
            len(self.received),
            method,
            target.split("?")[0],
            headers,
            json.loads(raw) if raw else None,
            has_key=any(keys),
        )
        self.received.append(received)
        return received

    async def _serve(self, received: Received, writer: asyncio.StreamWriter) -> bool:
        """Answer one request. Returns whether the connection stays open."""
        if not self.is_call(received):
            await _write(writer, await self.answer(received, None))
            return True
        self._inside += 1
        self.peak = max(self.peak, self._inside)
        try:
            return await self._serve_call(received, writer)
        finally:
            self._inside -= 1

    async def _serve_call(self, received: Received, writer: asyncio.StreamWriter) -> bool:
        fault = self.faults(received.number, received.path)
        if self.capacity is not None and self._inside > self.capacity:
            fault = Fault("status", status=429)
        received.fault = fault
        if fault and fault.kind == "status":
            headers = {"retry-after": fault.retry_after} if fault.retry_after else {}
            body = self.refusal(fault.status, "a fault that was asked for")
            await _write(writer, Answer(body, fault.status, headers))
            return True
        await asyncio.sleep(self.latency)
        if fault and fault.kind == "hang":
            await asyncio.sleep(3600)
        if fault and fault.kind == "reset":
            _reset(writer)
            return False
        answer = await self.answer(received, fault)
        answer.headers |= self.limits
        open_still = await _write(writer, answer, broken=fault.kind if fault else "")
        received.answered = open_still and (fault is None or fault.kind != "garbage")
        return open_still


def _reset(writer: asyncio.StreamWriter) -> None:
    """Close with a TCP reset, as a crashed peer does."""
    connection = writer.get_extra_info("socket")
    connection.setsockopt(SOL_SOCKET, SO_LINGER, struct.pack("ii", 1, 0))
    writer.transport.abort()


async def _write(writer: asyncio.StreamWriter, answer: Answer, broken: str = "") -> bool:
    """Send a response, whole or broken. Returns whether the connection stays open."""
    headers = {"content-type": answer.content_type, "request-id": "req_loopback", **answer.headers}
    if broken == "page":
        answer = Answer(b"<!doctype html><title>Welcome</title>")
        headers["content-type"] = "text/html; charset=utf-8"
    head = f"HTTP/1.1 {answer.status} {HTTPStatus(answer.status).phrase if answer.status != 529 else 'Overloaded'}\r\n"
    body = b"" if answer.parts else _encoded(answer.document)
    if broken == "garbage":
        body = b'{"content": [{"type"'
    headers |= {"transfer-encoding": "chunked"} if answer.parts else {"content-length": str(len(body))}
    writer.write((head + "".join(f"{k}: {v}\r\n" for k, v in headers.items()) + "\r\n").encode())
    if answer.parts:
        return await _write_parts(writer, answer.parts, broken)
    if broken == "truncated":
        writer.write(body[: len(body) // 2])
        await writer.drain()
        return False
    writer.write(body)
    await writer.drain()
    return True


async def _write_parts(writer: asyncio.StreamWriter, parts: AsyncIterator[bytes], broken: str) -> bool:
    sent = 0
    async for part in parts:
        writer.write(f"{len(part):x}\r\n".encode() + part + b"\r\n")
        await writer.drain()
        sent += 1
        if broken in ("truncated", "garbage") and sent == 3:
            return False
    writer.write(b"0\r\n\r\n")
    await writer.drain()
    return True


def _encoded(document: Any) -> bytes:
    return document if isinstance(document, bytes) else json.dumps(document).encode()
