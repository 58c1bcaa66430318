"""Reads back everything that a project's newest generation rests on: what `doctor` finds out."""

from collections.abc import Callable, Iterator
from functools import partial
from typing import NamedTuple

from compiler.runtime import Runtime
from data_models.errors import DamagedError, KeyMissingError
from store.blobs import get_blob
from store.generations import Generation
from store.receipts import read_receipt


class Damage(NamedTuple):
    """What is damaged or missing. `uploaded` is the session that has to be read again from its agent's files."""

    key: str
    uploaded: str = ""


def find_damage(runtime: Runtime, generation: Generation) -> list[Damage]:
    """What is damaged or missing of receipts, slim transcripts, Parquet files, memo and index segments.

    Reads every byte of them. The catalog and the texts were read to find the generation.

    Raises:
        StoreError: the store cannot be read.
    """
    return [damage for damage, read in _reads(runtime, generation) if not _succeeds(read)]


def _reads(runtime: Runtime, generation: Generation) -> Iterator[tuple[Damage, Callable[[], object]]]:
    """Each object with a function that reads it whole."""
    store = runtime.store
    for entry in runtime.catalog([generation.manifest]).values():
        yield Damage(entry.receipt, entry.session_id), partial(read_receipt, store, entry.receipt)
        yield Damage(entry.slim.key, entry.session_id), partial(get_blob, store, entry.slim)
        yield Damage(entry.parquet.key), partial(get_blob, store, entry.parquet)
        for name in entry.memo:
            yield Damage(f"memo/{name}"), partial(_require_memo, runtime, name)
    for segment in generation.manifest.segments:
        yield Damage(segment.blob.key), partial(get_blob, store, segment.blob)


def _require_memo(runtime: Runtime, name: str) -> None:
    stage, _, digest = name.partition("/")
    if runtime.memo.get(stage, digest) is None:
        raise KeyMissingError(f"memo/{name}")


def _succeeds(read: Callable[[], object]) -> bool:
    try:
        read()
    except (DamagedError, KeyMissingError):
        return False
    return True
