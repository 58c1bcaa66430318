"""The events as a table: for people who want to query what their agents did."""

from collections.abc import Iterator, Sequence
from io import BytesIO
from pathlib import Path

import msgspec
import polars as pl
from polars.io.plugins import register_io_source

from compiler.local_copy import Copy, refresh
from compiler.runtime import Runtime, open_runtime
from data_models.arrow import EVENT_SCHEMA
from data_models.errors import NotFoundError
from data_models.records import BlobRef
from store.blobs import get_blob
from store.files import FileWriter
from store.keys import encode_name
from store.protocol import Store


class Exported(msgspec.Struct):
    """What an export wrote."""

    project: str
    folder: str
    sessions: int
    events: int


def scan_events(project: str) -> pl.LazyFrame:
    """All events of a project's newest generation, one row per event (columns: `data_models.arrow.EVENT_SCHEMA`).

    Nothing is loaded before `.collect()`. Parquet files are read where they lie; those of a store elsewhere come down
    one by one as they are needed, and stay among the copies on this machine. Ordered by session start.

    Args:
        project: the project's name, as `rlm-context status` shows it.

    Raises:
        NotFoundError: the store has no generation of it.
    """
    runtime = open_runtime()
    files = [entry.parquet for entry in _copy(runtime, project).sessions()]
    paths = [runtime.store.local_path(file.key) for file in files]
    here = [path for path in paths if path is not None]
    return pl.scan_parquet(here) if len(here) == len(files) else _fetched(runtime.store, files)


def export(runtime: Runtime, project: str, folder: Path) -> Exported:
    """Write a project's events, sessions and texts below `folder`/<project>; the same again changes nothing.

    Raises:
        NotFoundError: the store has no generation of it.
        StoreFullError: the folder cannot be written.
    """
    copy = _copy(runtime, project)
    target = folder.absolute() / encode_name(project)
    entries = copy.sessions()
    writer = FileWriter(target)
    writer.write_many(
        (
            target / "events" / f"{encode_name(entry.author)}-{encode_name(entry.session_id)}.parquet",
            get_blob(runtime.store, entry.parquet),
        )
        for entry in entries
    )
    sessions = b"".join(msgspec.json.encode(entry) + b"\n" for entry in entries)
    texts = {"sessions.jsonl": sessions, "brief.md": copy.read("brief.md").encode()}
    texts["full.md"] = copy.read("full.md").encode()
    writer.write_many((target / name, data) for name, data in texts.items())
    return Exported(project, str(target), len(entries), sum(entry.events for entry in entries))


def _copy(runtime: Runtime, project: str) -> Copy:
    copy = refresh(runtime, project)
    if copy is None:
        raise NotFoundError(f"{project} was not compiled yet", next_command="rlm-context compile")
    return copy


def _fetched(store: Store, files: Sequence[BlobRef]) -> pl.LazyFrame:
    """The rows of Parquet files that are not on this machine; one file is in memory at a time."""

    def frames(
        columns: list[str] | None, predicate: pl.Expr | None, rows: int | None, _batch: int | None
    ) -> Iterator[pl.DataFrame]:
        left = rows
        for file in files:
            if left == 0:
                return
            frame = pl.read_parquet(BytesIO(get_blob(store, file)), n_rows=left)
            left = None if left is None else left - len(frame)
            frame = frame if columns is None else frame.select(columns)
            yield frame if predicate is None else frame.filter(predicate)

    return register_io_source(frames, schema=pl.DataFrame(EVENT_SCHEMA.empty_table()).schema)
