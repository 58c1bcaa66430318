"""Records of calls that were handed to a provider as a batch and are not collected yet.

    batches/<project>/<ms>-<nonce>.json     written before the calls are handed over: which calls, for which uploads
    batches/<project>/<ms>-<nonce>.id       written after it: the provider's id

A record without an id is of a process that died between the two, or whose answer was lost: the provider may have the
batch or not. Both objects go once a generation holds what the answers were for.
"""

import re
import secrets
import time
from typing import NamedTuple

import msgspec

from data_models.errors import DamagedError, KeyMissingError
from data_models.records import FORMAT_VERSION
from store.codec import decode, encode
from store.keys import decode_name, encode_name
from store.protocol import Store

_FOLDER = "batches"
_RECORD = re.compile(r"batches/([^/]+)/\d{13}-[0-9a-f]{8}\.json")
_ID = re.compile(r"[A-Za-z0-9_-]{1,200}")


class BatchRecord(msgspec.Struct, frozen=True, kw_only=True):
    """One batch.

    `model` is `provider:model`, `since` when the batch was about to be handed over (Unix milliseconds), `calls` how
    many it holds, `usd` the most that their answers can cost (US dollars, 0 where the model's price is not known),
    `uploads` the hashes of the calls (`Request.digest`) that each upload needs, by its receipt's key.
    """

    project: str
    model: str
    since: int
    calls: int
    uploads: dict[str, tuple[str, ...]]
    usd: float = 0.0
    format: int = FORMAT_VERSION


class OpenBatch(NamedTuple):
    """A batch that is not collected yet. `id` is the provider's, None where it was lost."""

    key: str
    record: BatchRecord
    id: str | None


def new_record(
    store: Store, project: str, model: str, calls: int, uploads: dict[str, tuple[str, ...]], usd: float
) -> OpenBatch:
    """Write down that a batch is about to be handed over; the arguments are `BatchRecord`'s."""
    since = int(time.time() * 1000)
    record = BatchRecord(project=project, model=model, since=since, calls=calls, uploads=uploads, usd=usd)
    key = f"{_FOLDER}/{encode_name(project)}/{since:013d}-{secrets.token_hex(4)}.json"
    store.put(key, encode(record))
    return OpenBatch(key, record, None)


def write_id(store: Store, key: str, batch_id: str) -> None:
    """Write down the id that the provider gave to the batch of the record under `key`."""
    store.put(_id_key(key), batch_id.encode())


def open_batches(store: Store, project: str) -> tuple[list[OpenBatch], list[str]]:
    """A project's batches, oldest first, and the keys of records that cannot be read.

    Raises:
        FormatTooNewError: a newer rlm-context wrote one.
    """
    found, damaged = [], []
    for key in store.keys(f"{_FOLDER}/{encode_name(project)}"):
        if not _RECORD.fullmatch(key):
            continue
        try:
            found.append(_read(store, key, project))
        except DamagedError:
            damaged.append(key)
        except KeyMissingError:  # collected by another process since it was listed
            continue
    return found, damaged


def projects_with_batches(store: Store) -> list[str]:
    """The projects that have any, sorted."""
    matches = (_RECORD.fullmatch(key) for key in store.keys(_FOLDER))
    names = {decode_name(match[1]) for match in matches if match}
    return sorted(name for name in names if name is not None)


def close_batch(store: Store, key: str) -> None:
    """Remove a batch's record, its id first: what is left of a removal that was stopped is looked at again."""
    store.delete(_id_key(key))
    store.delete(key)


def _read(store: Store, key: str, project: str) -> OpenBatch:
    record = decode(store.get(key), BatchRecord, key)
    if record.project != project:
        raise DamagedError(key, "it is the batch of another project")
    try:
        batch_id = store.get(_id_key(key)).decode("ascii", "replace")
    except KeyMissingError:
        return OpenBatch(key, record, None)
    if not _ID.fullmatch(batch_id):
        raise DamagedError(_id_key(key), "it is no batch's id")
    return OpenBatch(key, record, batch_id)


def _id_key(key: str) -> str:
    return key.removesuffix(".json") + ".id"
