"""An app as a user writes one: deployed and run by the real `modal` command in these tests."""

import io
import os
import sys
import time
from pathlib import Path

import modal

STORE = Path("/emulated-store")
volume = modal.Volume.from_name("data", create_if_missing=True, version=2)
image = modal.Image.debian_slim().pip_install("left-out").env({"COLOUR": "sea green"})
app = modal.App("sample", image=image)


@app.function(volumes={STORE: volume}, secrets=[modal.Secret.from_name("team")])
def look(name: str) -> dict[str, object]:
    """Read and write the volume; say what a container knows."""
    folder = STORE / "looked-at"
    (folder / f"{name}.txt").write_text("from a container", encoding="utf-8")
    return {
        "files": sorted(path.name for path in folder.iterdir()),
        "key": os.environ["API_KEY"],
        "colour": os.environ["COLOUR"],
        "remote": not modal.is_local(),
        "token": os.environ.get("MODAL_TOKEN_SECRET"),
    }


@app.function(volumes={STORE: volume.with_mount_options(read_only=True, sub_path="part")})
def overwrite() -> list[str]:
    """Read a part of the volume, and fail to write it."""
    seen = sorted(path.name for path in STORE.iterdir())
    (STORE / "new").touch()
    return seen


@app.function(max_containers=2)
def square(number: int) -> int:
    """Thirteen is unlucky."""
    if number == 13:
        raise LookupError("unlucky", number)
    return number * number


@app.function(volumes={STORE: volume})
async def busy(number: int) -> list[int]:
    """Use Modal from inside."""
    await modal.Dict.from_name("shared", create_if_missing=True).put.aio("number", number)
    async with volume.batch_upload.aio(force=True) as batch:
        batch.put_file(io.BytesIO(b"by a function"), "uploaded")
    await volume.commit.aio()
    await volume.reload.aio()
    spawned = await modal.Function.from_name("sample", "square").spawn.aio(number + 1)
    return [await square.remote.aio(number), await spawned.get.aio()]


@app.function()
def echo(data: bytes) -> bytes:
    """Large arguments and results."""
    return data


@app.function(retries=modal.Retries(max_retries=2, initial_delay=0.0))
def second_time(path: str) -> str:
    """Fail the first time."""
    if not Path(path).exists():
        Path(path).touch()
        raise RuntimeError("the first time")
    return "done"


@app.function(timeout=1)
def too_long() -> None:
    """Take more time than there is."""
    time.sleep(60)


@app.function()
def sleep(seconds: float) -> None:
    """Take time."""
    time.sleep(seconds)


@app.function()
def die() -> None:
    """End the container."""
    os._exit(3)


@app.function(schedule=modal.Cron("0 3 * * *"))
def nightly() -> None:
    """On a schedule."""


@app.local_entrypoint()
def main(number: int = 3) -> None:
    """What `modal run` starts."""
    squared = talk.remote(number)
    print(
        f"square of {number} is {squared}"
    )  # in one piece: the container's output is shown by another thread


@app.function()
def talk(number: int) -> int:
    """Print on both outputs."""
    print("said in the container")
    print("complained in the container", file=sys.stderr)
    return number * number
