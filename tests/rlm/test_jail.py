"""The jail's processes: what becomes of one that nobody waits for any more."""

import asyncio
import socket
from typing import Any

import pytest

from rlm.sandbox.jail import JailSandbox, why_not
from tests.waiting import until_async


def test_who_goes_away_while_it_starts_leaves_nothing_behind(monkeypatch: pytest.MonkeyPatch) -> None:
    """A run that is cancelled before its jail answers, as at the end of its seconds: process and socket are gone."""
    if reason := why_not():
        pytest.skip(reason)  # bubblewrap or libseccomp is not installed, or the kernel forbids it here
    processes: list[asyncio.subprocess.Process] = []
    sockets: list[socket.socket] = []
    spawn = asyncio.create_subprocess_exec

    async def spawned(*command: str, **options: Any) -> asyncio.subprocess.Process:
        processes.append(await spawn(*command, **options))
        return processes[-1]

    async def connecting(*, sock: socket.socket) -> None:
        sockets.append(sock)
        await asyncio.sleep(3600)  # hangs: it ends as it is cancelled, and no test waits for it

    async def call(name: str, args: list[Any], kwargs: dict[str, Any]) -> None:
        """There are no host functions."""

    async def use() -> None:
        async with JailSandbox().pool(1) as pool, pool.session(call, []) as session:
            await session.run("1")

    async def main() -> None:
        using = asyncio.create_task(use())
        await until_async(lambda: sockets)
        using.cancel()
        with pytest.raises(asyncio.CancelledError):
            await using

    monkeypatch.setattr(asyncio, "create_subprocess_exec", spawned)
    monkeypatch.setattr(asyncio, "open_connection", connecting)
    asyncio.run(main())
    assert [process.returncode is None for process in processes] == [False]
    assert [each.fileno() for each in sockets] == [-1]
