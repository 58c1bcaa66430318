"""Bytes over HTTP, as the service has them put and fetched: `/block/<sha256>`, checked on the way in and out.

A body that stops arriving is given up, as S3 does (there after tens of seconds). That matters: when a connection
ends during a put, aiohttp 3.14 repeats it with what modal 1.6.4 has not read yet, which is nothing, and both sides
wait; without an end from the server the client would hang for ever. So it is soon given up where a connection was
ended on purpose, and elsewhere only after a silence that no busy machine keeps.
"""

import asyncio
import base64
import hashlib
from collections.abc import Awaitable, Callable

from aiohttp import web

from tests.modal_emulator.contents import Contents
from tests.modal_emulator.faults import Faults, Traffic, delay

BLOCK = "/block/{sha256:[0-9a-f]{64}}"
SILENCE_S = 10.0
SILENCE_AFTER_A_CUT_S = 1.0
Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]


class Http:
    """The web side of one emulator; its calls count, and fail, as `BlockPut` and `BlockGet`."""

    def __init__(self, contents: Contents, faults: Faults, traffic: Traffic) -> None:
        self._contents = contents
        self._faults = faults
        self._traffic = traffic
        self._silence = SILENCE_S

    def application(self) -> web.Application:
        """What to serve."""
        application = web.Application(middlewares=[self._with_faults])
        application.router.add_put(BLOCK, self._put)
        application.router.add_get(BLOCK, self._get)
        return application

    @web.middleware
    async def _with_faults(self, request: web.Request, handler: Handler) -> web.StreamResponse:
        call = f"Block{request.method.capitalize()}"
        self._traffic.calls[call] += 1
        fault = self._faults.take(call)
        await delay(fault)
        if fault and fault.kind == "refused":
            return web.Response(status=503, text="planned by the test")
        if fault and fault.kind == "cut before":
            return self._cut(request)
        try:
            answer = await handler(request)
        except TimeoutError:
            late = web.Response(status=408, text="the body stopped arriving")
            late.force_close()
            return late
        if fault and fault.kind == "lost":
            return web.Response(status=503, text="planned by the test")
        if fault and fault.kind == "cut after":
            return self._cut(request)
        return answer

    def _cut(self, request: web.Request) -> web.Response:
        """End the connection without an answer."""
        self._silence = SILENCE_AFTER_A_CUT_S
        if isinstance(request.transport, asyncio.Transport):
            request.transport.abort()
        return web.Response()

    async def _put(self, request: web.Request) -> web.Response:
        sha256, md5 = hashlib.sha256(), hashlib.md5()
        partial = self._contents.partial()
        with partial.open("wb") as file:
            while chunk := await asyncio.wait_for(request.content.readany(), self._silence):
                self._traffic.bytes_in["BlockPut"] += len(chunk)
                sha256.update(chunk)
                md5.update(chunk)
                file.write(chunk)
        if sha256.hexdigest() != request.match_info["sha256"]:
            partial.unlink()
            return web.Response(status=400, text="the body does not have the hash it was announced with")
        partial.replace(self._contents.path(sha256.hexdigest()))
        # What the client puts for version 1 and for large payloads it compares by this tag, as with S3.
        return web.Response(body=sha256.digest(), headers={"ETag": f'"{md5.hexdigest()}"'})

    async def _get(self, request: web.Request) -> web.StreamResponse:
        name = request.match_info["sha256"]
        if not self._contents.has(name):
            return web.Response(status=404, text=f"no block {name}")
        path = self._contents.path(name)
        self._traffic.bytes_out["BlockGet"] += path.stat().st_size
        digest = base64.b64encode(bytes.fromhex(name)).decode()
        return web.FileResponse(path, headers={"Repr-Digest": f"sha-256=:{digest}:"})
