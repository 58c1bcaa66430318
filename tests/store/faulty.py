"""A store that fails as real ones do: refuses, loses answers after the deed, shows new keys late."""

from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Literal

from data_models.errors import StoreError
from store.protocol import Store

Fault = Literal["none", "refused", "answer lost", "half of a batch"]


class FaultyStore:
    """Passes calls on to `inner`; each write takes the next fault of the plan, while it lasts."""

    def __init__(self, inner: Store, plan: Iterable[Fault] = ()) -> None:
        self.url = inner.url
        self.inner = inner
        self.written = 0
        self.invisible: set[str] = set()
        self._plan = iter(plan)

    def get(self, key: str) -> bytes:
        return self.inner.get(key)

    def put(self, key: str, data: bytes) -> None:
        self.put_many([(key, data)])

    def put_many(self, items: Iterable[tuple[str, bytes]]) -> None:
        batch = list(items)
        fault = next(self._plan, "none") if batch else "none"
        if fault == "refused":
            raise StoreError("refused")
        if fault == "half of a batch":
            batch = batch[: (len(batch) + 1) // 2]
        self.inner.put_many(batch)
        self.written += sum(len(data) for _, data in batch)
        if fault != "none":
            raise StoreError(fault)

    def size(self, key: str) -> int | None:
        return self.inner.size(key)

    def keys(self, prefix: str = "") -> Iterator[str]:
        for key in self.inner.keys(prefix):
            if key not in self.invisible:
                yield key

    def folders(self, prefix: str = "") -> Iterator[str]:
        return self.inner.folders(prefix)

    def delete(self, key: str) -> None:
        self.inner.delete(key)

    def local_path(self, key: str) -> Path | None:
        return self.inner.local_path(key)
