"""A store: everything in one SQLite file."""

import sqlite3
import threading
from collections.abc import Iterable, Iterator
from pathlib import Path

from data_models.errors import KeyMissingError
from store.protocol import check_key, check_prefix


class ToyStore:
    def __init__(self, file: Path) -> None:
        self.url = f"toy://{file}"
        self._database = sqlite3.connect(file, check_same_thread=False, timeout=60)
        self._alone = threading.Lock()
        with self._alone, self._database:
            self._database.execute("PRAGMA synchronous = FULL")  # what was put survives a crash
            self._database.execute("CREATE TABLE IF NOT EXISTS objects (key TEXT PRIMARY KEY, data BLOB)")

    def get(self, key: str) -> bytes:
        found = self._rows("SELECT data FROM objects WHERE key = ?", check_key(key))
        if not found:
            raise KeyMissingError(key)
        return bytes(found[0][0])

    def put(self, key: str, data: bytes) -> None:
        self._rows("INSERT OR REPLACE INTO objects VALUES (?, ?)", check_key(key), data)

    def put_many(self, items: Iterable[tuple[str, bytes]]) -> None:
        for key, data in items:
            self.put(key, data)

    def size(self, key: str) -> int | None:
        found = self._rows("SELECT length(data) FROM objects WHERE key = ?", check_key(key))
        return int(found[0][0]) if found else None

    def keys(self, prefix: str = "") -> Iterator[str]:
        folder = check_prefix(prefix)
        start = f"{folder}/" if folder else ""
        found = self._rows("SELECT key FROM objects WHERE substr(key, 1, ?) = ?", len(start), start)
        yield from sorted(key for (key,) in found)

    def folders(self, prefix: str = "") -> Iterator[str]:
        folder = check_prefix(prefix)
        below = (key[len(folder) + 1 if folder else 0 :] for key in self.keys(prefix))
        yield from sorted({rest.split("/", 1)[0] for rest in below if "/" in rest})

    def delete(self, key: str) -> None:
        self._rows("DELETE FROM objects WHERE key = ?", check_key(key))

    def local_path(self, key: str) -> Path | None:
        check_key(key)  # no object is a file of its own

    def _rows(self, sql: str, *values: object) -> list[tuple[object, ...]]:
        with self._alone, self._database:
            return self._database.execute(sql, values).fetchall()
