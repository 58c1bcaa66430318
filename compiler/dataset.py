"""The events as a table: for people who want to query what their agents did."""

from pathlib import Path

import msgspec
import polars as pl

from compiler.local_copy import Copy, refresh
from compiler.runtime import Runtime, open_runtime
from data_models.errors import NotFoundError
from store.blobs import get_blob
from store.files import FileWriter
from store.keys import encode_name


class Exported(msgspec.Struct):
    """What an export wrote."""

    project: str
    folder: str
    sessions: int
    events: int


def scan_events(project: str) -> pl.LazyFrame:
    """All events of a project's newest generation, one row per event (columns: `data_models.arrow.EVENT_SCHEMA`).

    Reads the Parquet files where they lie; nothing is loaded before `.collect()`. Ordered by session start.

    Args:
        project: the project's name, as `rlm-context status` shows it.

    Raises:
        NotFoundError: the store has no generation of it.
    """
    runtime = open_runtime()
    copy = _copy(runtime, project)
    return pl.scan_parquet([_local(runtime, entry.parquet.key) for entry in copy.sessions()])


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


def _local(runtime: Runtime, key: str) -> Path:
    path = runtime.store.local_path(key)
    if path is None:
        raise NotFoundError("the store is not on this machine", next_command="rlm-context export DIR")
    return path
