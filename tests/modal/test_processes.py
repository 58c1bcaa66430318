"""The emulator's processes: who waits for one and goes away changes nothing for the others."""

import asyncio
import os
from pathlib import Path

from tests.modal_emulator.processes import Process


def test_a_caller_who_goes_away_takes_no_output_along(tmp_path: Path) -> None:
    """A client that is gone while it waits is cancelled; what the process writes afterwards is read by the next."""

    async def run() -> tuple[int, bytes]:
        process = await Process.start(["cat"], {"PATH": os.environ["PATH"]}, tmp_path)
        waiting = asyncio.ensure_future(process.wait())
        await asyncio.sleep(0)  # until it waits
        waiting.cancel()
        await asyncio.gather(waiting, return_exceptions=True)
        await process.write(0, b"hello", end=True)
        return await process.wait(), bytes(process.stdout.data)

    assert asyncio.run(run()) == (0, b"hello")
