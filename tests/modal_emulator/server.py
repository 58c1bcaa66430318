"""The emulator: Modal's control plane, as far as this project uses it, on loopback, for the unmodified client.

It is written from the protobuf stubs and the client's source of modal 1.6.4, the only version it is meant for. Each
module says what is known of the real service and what is assumed. Whatever only a real account can tell (time of
calls, limits, what happens to two writers of one key) is not in here, and a test that passes here proves nothing
about it.
"""

import asyncio
import socket
import threading
from collections import Counter
from concurrent.futures import Future
from pathlib import Path
from typing import Self

from aiohttp import web
from modal._serialization import serialize
from modal_proto import api_pb2, task_command_router_pb2

from tests.modal_emulator.account import Account
from tests.modal_emulator.apps import Apps
from tests.modal_emulator.calls import Calls
from tests.modal_emulator.containers import Containers
from tests.modal_emulator.contents import Contents
from tests.modal_emulator.dicts import Dicts
from tests.modal_emulator.faults import Faults, Traffic
from tests.modal_emulator.functions import Functions
from tests.modal_emulator.http import Http
from tests.modal_emulator.parts import Parts
from tests.modal_emulator.router import Router
from tests.modal_emulator.sandboxes import Sandbox, Sandboxes
from tests.modal_emulator.volumes import Volumes
from tests.modal_emulator.wire import TOKEN_ID, TOKEN_SECRET, Server, Service
from tests.waiting import turns

START_TIMEOUT_S = 60


class Emulator:
    """One emulator over the data in `folder`, on a thread of its own.

    What is written is on disk before it is answered, so a killed emulator can be started again on its folder, and
    keeps its port when started again as an object.

    Attributes:
        url: Where the client finds it.
        env: Variables that send the client, and the `modal` command, here.
        faults: What shall go wrong.
        traffic: Calls and bytes by RPC; `calls` is its first part.
    """

    def __init__(self, folder: Path, port: int = 0) -> None:
        self.folder = folder
        self.port = port
        self.faults = Faults()
        self.traffic = Traffic()
        self._thread: threading.Thread | None = None
        self._loop: asyncio.AbstractEventLoop | None = None
        self._stopping: asyncio.Event | None = None

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    @property
    def env(self) -> dict[str, str]:
        return {
            "MODAL_SERVER_URL": self.url,
            "MODAL_TOKEN_ID": TOKEN_ID,
            "MODAL_TOKEN_SECRET": TOKEN_SECRET,
            "MODAL_CONFIG_PATH": str(self.folder / "modal.toml"),
        }

    @property
    def calls(self) -> Counter[str]:
        return self.traffic.calls

    def start(self) -> None:
        """Serve, until `stop`.

        Raises:
            OSError: The port is taken.
        """
        self.folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        # Named as TCP, or asyncio does not switch off the delay that makes each answer wait 40 ms.
        listening = socket.socket(socket.AF_INET, socket.SOCK_STREAM, socket.IPPROTO_TCP)
        listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            listening.bind(("127.0.0.1", self.port))
        except OSError:
            listening.close()
            raise
        self.port = listening.getsockname()[1]
        ready: Future[None] = Future()
        self._thread = threading.Thread(target=self._run, args=(listening, ready), daemon=True)
        self._thread.start()
        ready.result(START_TIMEOUT_S)

    def stop(self) -> None:
        """End all connections; what was written stays in the folder."""
        if self._loop and self._stopping and self._thread:
            self._loop.call_soon_threadsafe(self._stopping.set)
            self._thread.join()
            self._thread = None

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(self, *exception: object) -> None:
        self.stop()

    def expire_dict(self, name: str, key: object = None) -> None:
        """Let an entry of a Dict expire, or all of them."""
        self._dicts.expire(name, None if key is None else serialize(key))

    def _run(self, listening: socket.socket, ready: Future[None]) -> None:
        try:
            asyncio.run(self._serve(listening, ready))
        except Exception as error:
            if ready.done():
                raise
            ready.set_exception(error)
        finally:
            listening.close()

    @property
    def sandboxes(self) -> list[Sandbox]:
        """Every sandbox since the start, with what was asked for: `definition.network_access`, `secret_sources` …"""
        return self._sandboxes.all

    async def _serve(self, listening: socket.socket, ready: Future[None]) -> None:
        self._loop = asyncio.get_running_loop()
        self._stopping = asyncio.Event()
        contents = Contents(self.folder / "contents")
        runner = web.AppRunner(
            Http(contents, self.faults, self.traffic).application(), access_log=None, shutdown_timeout=0
        )
        await runner.setup()
        site = web.TCPSite(runner, "127.0.0.1", 0)
        await site.start()
        contents.url = "http://{}:{}".format(*runner.addresses[0])
        areas = self._areas(contents)
        server = self._grpc(areas)
        await server.start(sock=listening)
        serving = asyncio.create_task(self._containers.serve())
        ready.set_result(None)
        await self._stopping.wait()
        serving.cancel()
        await self._containers.close()
        await self._sandboxes.close()
        # Whoever was let in at the last moment is known before all is closed: asyncio would lose the connection, and
        # its socket would be a later test's warning.
        self._loop.remove_reader(listening.fileno())
        await turns()
        server.close()
        await server.wait_closed()
        await runner.cleanup()

    def _areas(self, contents: Contents) -> list[object]:
        folder = self.folder
        volumes = Volumes(folder / "volumes", contents)
        self._dicts = Dicts(folder / "dicts")
        calls = Calls()
        parts = Parts(folder / "parts", contents)
        apps = Apps(folder / "apps")
        functions = Functions(folder / "functions", apps, calls)
        self._containers = Containers(folder / "containers", apps, functions, calls, parts, volumes)
        self._sandboxes = Sandboxes(folder / "sandboxes", apps, parts, volumes)
        self._containers.url = self._sandboxes.url = self.url
        return [
            Account(contents),
            volumes,
            self._dicts,
            parts,
            apps,
            functions,
            self._containers,
            self._sandboxes,
        ]

    def _grpc(self, areas: list[object]) -> Server:
        control = api_pb2.DESCRIPTOR.services_by_name["ModalClient"]
        commands = task_command_router_pb2.DESCRIPTOR.services_by_name["TaskCommandRouter"]
        return Server(
            [
                Service(control, areas, self.faults, self.traffic),
                Service(commands, [Router(self._sandboxes)], self.faults, self.traffic),
            ]
        )
