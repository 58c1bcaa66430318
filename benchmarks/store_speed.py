"""Latency and throughput of every kind of store but memory, services as emulators on loopback.

    python -m benchmarks.store_speed        (about half a minute)

Medians in milliseconds of 30 calls with 4 KB each; then seconds for 256 such objects in one `put_many`, and MB/s of one
object of 20 MB. The services are test servers in Python on this machine (moto; our emulator of Modal): the figures
say what our side costs, nothing about the real services, where the way there counts for more.
"""

import logging
import os
import statistics
import tempfile
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from time import perf_counter

from store.local import LocalStore
from store.protocol import Store

_SMALL = 4096
_LARGE = 20_000_000


def main() -> None:
    """Print one row for each kind of store."""
    print("store      put ms  get ms  size ms  list ms  256 puts s  up MB/s  down MB/s")
    with tempfile.TemporaryDirectory() as folder:
        _measure("local", LocalStore(Path(folder) / "store"))
        with _s3() as store:
            _measure("S3", store)
        with _modal(Path(folder)) as store:
            _measure("Modal v2", store)


@contextmanager
def _s3() -> Iterator[Store]:
    from moto.server import ThreadedMotoServer

    from store.s3 import S3Store

    logging.getLogger("werkzeug").setLevel(logging.WARNING)  # a line for each request
    server = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    server.start()
    url = f"http://127.0.0.1:{server.get_host_and_port()[1]}"
    urllib.request.urlopen(urllib.request.Request(f"{url}/team", method="PUT")).close()
    os.environ.update(
        AWS_ENDPOINT_URL=url, AWS_ACCESS_KEY_ID="x", AWS_SECRET_ACCESS_KEY="x", AWS_REGION="us-east-1"
    )
    try:
        yield S3Store("team", "store")
    finally:
        server.stop()


@contextmanager
def _modal(folder: Path) -> Iterator[Store]:
    from tests.modal_emulator.server import Emulator

    with Emulator(folder / "modal") as emulator:
        os.environ.update(emulator.env)
        from store.modal import ModalStore

        yield ModalStore("team", "store")


def _measure(name: str, store: Store) -> None:
    small, large = os.urandom(_SMALL), os.urandom(_LARGE)
    put = _median(lambda index: store.put(f"a/{index}", small))
    get = _median(lambda index: store.get(f"a/{index}"))
    size = _median(lambda index: store.size(f"a/{index}"))
    listing = _median(lambda _: list(store.keys("a")))
    many = _seconds(lambda: store.put_many((f"b/{index}", small) for index in range(256)))
    up = _LARGE / 1e6 / _seconds(lambda: store.put("large", large))
    down = _LARGE / 1e6 / _seconds(lambda: store.get("large"))
    print(
        f"{name:<9} {put:>7.2f} {get:>7.2f} {size:>8.2f} {listing:>8.2f} {many:>11.2f} {up:>8.0f} {down:>10.0f}"
    )


def _median(call: Callable[[int], object]) -> float:
    return statistics.median(_seconds(lambda index=index: call(index)) for index in range(30)) * 1000


def _seconds(call: Callable[[], object]) -> float:
    begun = perf_counter()
    call()
    return perf_counter() - begun


if __name__ == "__main__":
    main()
