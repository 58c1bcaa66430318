"""The record of a run: what was asked, what the model wrote, what its code did, what it cost.

Records are dictionaries of JSON values, one line each in a file:

    {"kind": "run",  "run", "parent", "depth", "at", "question", "context", "root", "sub"}
    {"kind": "step", "run", "step", "at", "seconds", "prompt", "reply", "code", "output", "error", "calls",
                     "model", "cached", "usage", "usd"}
    {"kind": "end",  "run", "at", "stopped_by", "answer", "message"}

`prompt` holds only what is new since the step before, so a file grows with the run and not with its square. `at` is in
seconds since the root run began; `usd` is the whole tree's spending when the record was made. A call is
{"name", "model", "prompt", "reply", "cached", "usage", "seconds", "error"} with texts shortened, or
{"name", "run"} for a child.
"""

import json
import os
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

Record = dict[str, Any]
Watch = Callable[[Record], None]


class Trajectory:
    """Collects the records of a run and its children.

    Args:
        watch: called with each record as it is made, to show or to write progress.
    """

    def __init__(self, watch: Watch | None = None) -> None:
        self.records: list[Record] = []
        self._watch = watch
        self._begun = time.monotonic()
        self._runs = 0

    def __getstate__(self) -> dict[str, Any]:
        # Errors and results travel between processes; whoever watches stays behind.
        return {**self.__dict__, "_watch": None}

    def new_run(self) -> int:
        """A number for a run, from 1."""
        self._runs += 1
        return self._runs

    @property
    def seconds(self) -> float:
        """Since the root run began."""
        return round(time.monotonic() - self._begun, 4)

    def add(self, kind: str, run: int, **fields: Any) -> None:
        """Keep a record and show it to whoever watches."""
        record = {"kind": kind, "run": run, "at": self.seconds, **fields}
        self.records.append(record)
        if self._watch is not None:
            self._watch(record)

    def lines(self) -> Iterator[str]:
        """Each record as one line of JSON."""
        return (to_line(record) for record in self.records)

    def write(self, path: Path) -> None:
        """Write all records to a file that only the user can read."""
        with JsonLines(path) as write:
            for record in self.records:
                write(record)


class JsonLines:
    """Writes each record to a file when it is made: a killed run leaves its steps behind.

    Args:
        path: a new file; it gets mode 0600.
    """

    def __init__(self, path: Path) -> None:
        handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
        self._file = os.fdopen(handle, "w", encoding="utf-8", buffering=1)

    def __call__(self, record: Record) -> None:
        """Write a record."""
        self._file.write(to_line(record) + "\n")

    def __enter__(self) -> "JsonLines":
        return self

    def __exit__(self, *exc: object) -> None:
        self._file.close()


def to_line(record: Record) -> str:
    """One line of JSON; lone surrogates stay escaped."""
    return json.dumps(record, separators=(",", ":"))


def read_records(path: Path) -> list[Record]:
    """The records of a file that `JsonLines` or `Trajectory.write` made; half a line at the end is left out."""
    return parse_records(path.read_text(encoding="utf-8"))


def parse_records(text: str) -> list[Record]:
    """The records of lines of JSON, up to the first that is none."""
    records = []
    for line in text.split("\n"):
        try:
            records.append(json.loads(line))
        except ValueError:
            break
    return records
