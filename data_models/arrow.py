"""The stored form of events: an Arrow schema, one row per event, in Parquet (zstd).

Columns are those of `Event`, after four that are constant in a session. Times are UTC milliseconds.
The schema version stands in the file's metadata under `rlm_context.schema`.
"""

import io
from collections.abc import Sequence
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from data_models.errors import DamagedError
from data_models.events import SCHEMA_VERSION, Event

_VERSION_KEY = b"rlm_context.schema"
ROW_GROUP = 10_000
"""Rows in a row group; 5,000 to 20,000 is the measured optimum for scans."""

_SESSION_FIELDS = ("session_id", "agent", "author", "project")
_EVENT_TYPES: dict[str, pa.DataType] = {
    "seq": pa.int64(),
    "block": pa.int32(),
    "role": pa.string(),
    "kind": pa.string(),
    "text": pa.string(),
    "subagent": pa.string(),
    "uuid": pa.string(),
    "message_id": pa.string(),
    "time": pa.timestamp("ms", tz="UTC"),
    "tool": pa.string(),
    "tool_use_id": pa.string(),
    "file_path": pa.string(),
    "is_error": pa.bool_(),
    "model": pa.string(),
    "input_tokens": pa.int64(),
    "output_tokens": pa.int64(),
    "cache_read_tokens": pa.int64(),
    "cache_write_tokens": pa.int64(),
    "cwd": pa.string(),
    "git_branch": pa.string(),
    "host_version": pa.string(),
    "sidechain": pa.bool_(),
}
EVENT_SCHEMA = pa.schema(
    [(name, pa.string()) for name in _SESSION_FIELDS] + list(_EVENT_TYPES.items()),
    metadata={_VERSION_KEY: str(SCHEMA_VERSION).encode()},
)


def events_to_parquet(
    events: Sequence[Event], *, session_id: str, agent: str, author: str, project: str
) -> bytes:
    """The events of one session as the bytes of a Parquet file; equal events give equal bytes."""
    constants = (session_id, agent, author, project)
    columns: list[Any] = [pa.repeat(pa.scalar(value, pa.string()), len(events)) for value in constants]
    for name, kind in _EVENT_TYPES.items():
        columns.append(pa.array([getattr(event, name) for event in events], kind))
    sink = io.BytesIO()
    table = pa.Table.from_arrays(columns, schema=EVENT_SCHEMA)
    pq.write_table(table, sink, compression="zstd", row_group_size=ROW_GROUP, write_statistics=True)
    return sink.getvalue()


def events_from_parquet(data: bytes, key: str) -> list[Event]:
    """The events of one session's Parquet file.

    Args:
        data: the file's bytes.
        key: the file's key in the store, for errors.

    Raises:
        DamagedError: not a Parquet file, or not with our columns.
    """
    columns = columns_from_parquet(data, key, list(_EVENT_TYPES))
    return [Event(**dict(zip(columns, row, strict=True))) for row in zip(*columns.values(), strict=True)]


def columns_from_parquet(data: bytes, key: str, names: Sequence[str]) -> dict[str, list[Any]]:
    """Some columns of one session's Parquet file, for whoever reads many sessions and needs few columns.

    Args:
        data: the file's bytes.
        key: the file's key in the store, for errors.
        names: the columns, as fields of `Event`.

    Returns:
        The values by column, in the order of the events; times are Unix milliseconds.

    Raises:
        DamagedError: not a Parquet file, or not with our columns.
    """
    try:
        # Without threads: Arrow's may be torn down while they start, which aborts one short process in 25.
        table = pq.read_table(io.BytesIO(data), columns=list(names), use_threads=False, pre_buffer=False)
        columns = {name: table[name] for name in names}
        if "time" in columns:
            columns["time"] = columns["time"].cast(pa.int64())
        return {name: column.to_pylist() for name, column in columns.items()}
    except (pa.ArrowException, KeyError, OSError) as error:
        raise DamagedError(key, "not an events file") from error
