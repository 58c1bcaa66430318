"""Bytes that one new session sends up to a store elsewhere, and brings down from it, at any history.

    python -m benchmarks.store_bytes [N ...]        default: 100 1000 10000 (about five minutes)

Invented sessions as in `benchmarks.one_more_session`, in a folder that is treated as if it were another machine's
(nothing is read in place). One more session is uploaded and compiled by a machine that compiled before. `up` is what
it writes; `down` what it gets with copies of blobs kept on this machine (`store/cached.py`), `down, no copies` without;
`calls` the requests that the store answers, with copies. A compile now and then merges parts: these go up and are read
back, O(log n) times in a session's life.
"""

import asyncio
import os
import sys
import tempfile
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

from compiler.pipeline import compile_project
from compiler.runtime import Runtime, open_runtime
from compiler.steps import DirectSteps
from compiler.uploading.upload import upload
from store.cached import CachedStore, CopyCache
from store.counted import CountedStore
from store.local import LocalStore
from tests.synthetic import write_session, write_team

_NEW = "ffffffff-0000-4000-8000-{:012d}"


class Elsewhere(LocalStore):
    """A folder as if it were a service: nothing is read in place, and calls are counted."""

    def __init__(self, root: Path) -> None:
        super().__init__(root)
        self.calls: Counter[str] = Counter()

    def get(self, key: str) -> bytes:
        self.calls["get"] += 1
        return super().get(key)

    def put_many(self, items: Iterable[tuple[str, bytes]]) -> None:
        batch = list(items)
        self.calls["put"] += len(batch)
        super().put_many(batch)

    def size(self, key: str) -> int | None:
        self.calls["size"] += 1
        return super().size(key)

    def keys(self, prefix: str = "") -> Iterator[str]:
        self.calls["list"] += 1
        return super().keys(prefix)

    def local_path(self, key: str) -> Path | None:
        return None


def main(sizes: list[int]) -> None:
    """Print one row for each number of sessions."""
    print("sessions        up      down  down, no copies  calls")
    for size in sizes:
        with tempfile.TemporaryDirectory() as folder:
            _measure(Path(folder), size)


def _measure(folder: Path, size: int) -> None:
    os.environ["RLM_CONTEXT_HOME"] = str(folder / "home")
    team = write_team(folder / "team", size)
    compile_sessions(open_runtime(), team)
    warm = CopyCache(folder / "copies", 1 << 30)
    _one_more(folder, 1, warm)  # fills the copies, once for this machine
    up, down, calls = _one_more(folder, 2, warm)
    _, without, _ = _one_more(folder, 3, CopyCache(folder / "none", 0))
    print(f"{size:>8} {up:>9,} {down:>9,} {without:>16,} {calls:>6}")


def _one_more(folder: Path, number: int, cache: CopyCache) -> tuple[int, int, int]:
    """Upload and compile another session; bytes up, bytes down, calls."""
    session = _NEW.format(number)
    source = folder / f"new-{number}"
    path = source / "ann" / "projects" / "-src-shop" / f"{session}.jsonl"
    path.parent.mkdir(parents=True)
    day = datetime(2026, 1, 8, 12, tzinfo=UTC)
    write_session(path, session_id=session, start=day, turns=3, seed=-number)
    service = Elsewhere(folder / "home" / "store")
    counted = CountedStore(service)
    runtime = replace(open_runtime(), store=CountedStore(CachedStore(counted, cache)), _catalogs={})
    compile_sessions(runtime, source)
    return counted.written, counted.read, sum(service.calls.values())


def compile_sessions(runtime: Runtime, team: Path) -> None:
    """Upload a folder's sessions as the project "shop", and compile them."""
    upload(runtime, [team], project="shop")
    asyncio.run(compile_project(runtime, "shop", DirectSteps(runtime)))
    runtime.spool.acknowledge(runtime.store)


if __name__ == "__main__":
    main([int(argument) for argument in sys.argv[1:]] or [100, 1_000, 10_000])
