"""Objects of a store, and what reading them one by one costs beside reading them packed.

    python -m benchmarks.store_objects [N ...]        default: 100 1000

Invented sessions as in `benchmarks.one_more_session`, without models. `open` is what a machine that sees the store for
the first time asks of it before it can show the brief and search: requests and seconds, in a folder treated as if it
were another machine's. `list` is a listing of all keys. `events` is `scan_events(…).collect()` over one Parquet file a
session, `packed` the same rows from one file, both after a warm-up.
"""

import os
import sys
import tempfile
from collections import Counter
from dataclasses import replace
from pathlib import Path
from time import perf_counter

import polars as pl

from benchmarks.store_bytes import Elsewhere, compile_sessions
from compiler.dataset import scan_events
from compiler.local_copy import refresh
from compiler.runtime import Runtime, open_runtime
from store.cached import CachedStore, CopyCache
from store.counted import CountedStore
from tests.synthetic import write_team


def main(sizes: list[int]) -> None:
    """Print the rows for each number of sessions."""
    for size in sizes:
        with tempfile.TemporaryDirectory() as folder:
            _measure(Path(folder), size)


def _measure(folder: Path, size: int) -> None:
    os.environ["RLM_CONTEXT_HOME"] = str(folder / "home")
    runtime = open_runtime()
    compile_sessions(runtime, write_team(folder / "team", size))
    begun = perf_counter()
    keys = list(runtime.store.keys(""))
    listing = perf_counter() - begun
    kinds = Counter("/".join(key.split("/")[: 2 if key.startswith("memo/") else 1]) for key in keys)
    print(
        f"{size:,} sessions: {len(keys):,} objects, {len(keys) / size:.1f} a session, listed in {listing:.2f} s"
    )
    print("   " + ", ".join(f"{kind} {count:,}" for kind, count in kinds.most_common()))
    _open(folder, runtime)
    _scan(folder)


def _open(folder: Path, runtime: Runtime) -> None:
    service = Elsewhere(folder / "home" / "store")
    os.environ["RLM_CONTEXT_HOME"] = str(folder / "another")
    store = CountedStore(CachedStore(CountedStore(service), CopyCache(folder / "copies", 1 << 30)))
    newcomer = replace(open_runtime(), store=store, _catalogs={})
    begun = perf_counter()
    copy = refresh(newcomer, "shop")
    assert copy is not None
    calls = sum(service.calls.values())
    print(
        f"   open: {calls} requests, {perf_counter() - begun:.2f} s, {len(copy.manifest().segments)} segments"
    )
    os.environ["RLM_CONTEXT_HOME"] = str(runtime.home)


def _scan(folder: Path) -> None:
    frame = scan_events("shop").collect()
    packed = folder / "packed.parquet"
    frame.write_parquet(packed, compression="zstd")
    begun = perf_counter()
    rows = scan_events("shop").collect().height
    middle = perf_counter()
    assert pl.scan_parquet(packed).collect().height == rows
    print(f"   {rows:,} events: {middle - begun:.3f} s, packed {perf_counter() - middle:.3f} s")


if __name__ == "__main__":
    main([int(argument) for argument in sys.argv[1:]] or [100, 1_000])
