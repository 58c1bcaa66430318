"""`store copy`: every object of one store into another, verified on both sides; what is there already is left.

Order is what makes it safe to interrupt and to read meanwhile: what others name is copied before those who name it,
so the target never shows a receipt or a generation whose bytes it lacks.
"""

from collections.abc import Callable, Iterator

import msgspec

from compiler.maintenance.objects import check
from compiler.maintenance.verify import Fault
from data_models.errors import DamagedError, KeyMissingError, StoreError
from store.keys import STORE_INFO, is_written_once
from store.protocol import Store

_ORDER = ("blobs", "memo", "inbox", "gen", "runs", "tombstones", "compiled", "sessions")
"""Folders in the order of copying; what a later version has besides comes last."""
_STAYS = frozenset({"leases", "notes"})
"""Folders that are of the moment."""
_BATCH = 256
_BATCH_BYTES = 16 << 20


class Copied(msgspec.Struct, kw_only=True):
    """What `copy_store` did: objects copied with their bytes, objects that were there, and what was not copied."""

    copied: int = 0
    bytes: int = 0
    present: int = 0
    faults: list[Fault] = []


def copy_store(
    source: Store, target: Store, progress: Callable[[Copied], None] = lambda copied: None
) -> Copied:
    """Copy a store. Damaged objects are left out and named; the rest is read back from the target.

    Raises:
        StoreError: there is no store to copy; or one of the stores failed, or the target did not keep what it was
            given: then run it again, it goes on where it was.
    """
    if source.size(STORE_INFO) is None:
        raise StoreError(f"there is no store in {source.url}", next_command="rlm-context store copy FROM TO")
    done = Copied()
    for keys in _kinds(source):
        batch: dict[str, bytes] = {}
        for key in keys:
            data = _wanted(source, target, key, done)
            if data is not None:
                batch[key] = data
            if sum(map(len, batch.values())) >= _BATCH_BYTES or len(batch) >= _BATCH:
                _write(target, batch, done)
                progress(done)
        _write(target, batch, done)
        progress(done)
    return done


def _kinds(source: Store) -> Iterator[Iterator[str]]:
    """The keys to copy, kind by kind."""
    yield iter([STORE_INFO])
    for folder in (*_ORDER, *sorted({*source.folders()} - {*_ORDER} - _STAYS)):
        yield source.keys(folder)


def _wanted(source: Store, target: Store, key: str, done: Copied) -> bytes | None:
    """The bytes to copy, or None where there is nothing to do."""
    there = target.size(key)
    if there is not None and is_written_once(key) and there == source.size(key):
        done.present += 1
        return None
    try:
        data = source.get(key)
        check(key, data)
    except DamagedError as error:
        done.faults.append(
            Fault(key, error.reason, "rlm-context store verify, with RLM_CONTEXT_STORE at FROM")
        )
        return None
    except KeyMissingError:  # removed meanwhile
        return None
    if there is not None and (key == STORE_INFO or target.get(key) == data):
        done.present += 1  # what the target's team fixed stays as it is
        return None
    return data


def _write(target: Store, batch: dict[str, bytes], done: Copied) -> None:
    """Write a batch and read it back."""
    target.put_many(batch.items())
    for key, data in batch.items():
        if target.get(key) != data:
            raise StoreError(
                f"{target.url} did not keep {key} as it was given",
                next_command="rlm-context store copy FROM TO",
            )
    done.copied += len(batch)
    done.bytes += sum(map(len, batch.values()))
    batch.clear()
