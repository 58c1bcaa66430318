"""`store verify`: every object is read and must be what its key says; what generations name must be there."""

from collections.abc import Callable, Iterator

import msgspec

from compiler.maintenance.objects import blob_fault, fault
from compiler.runtime import Runtime
from data_models.errors import StoreError
from data_models.records import Receipt
from store.blobs import has_blob
from store.generations import newest, read_catalog
from store.keys import parse_receipt_key
from store.receipts import projects, read_receipt

Progress = Callable[[int, int], None]
"""Takes how many objects are done, and their bytes."""


class Fault(msgspec.Struct, frozen=True):
    """An object that is damaged or missing. `remedy` is the command, or the place, that brings it back."""

    key: str
    reason: str
    remedy: str


class Verified(msgspec.Struct, kw_only=True):
    """What `verify` found: objects and bytes read, and every fault."""

    objects: int = 0
    bytes: int = 0
    faults: list[Fault] = []


def verify_store(runtime: Runtime, progress: Progress = lambda done, size: None) -> Verified:
    """Read the whole store.

    Raises:
        StoreError: it cannot be listed or read at all.
    """
    found = Verified()
    for key in runtime.store.keys(""):
        found.objects += 1
        found.bytes += runtime.store.size(key) or 0
        if reason := fault(runtime.store, key):
            found.faults.append(Fault(key, reason, _remedy(key)))
        progress(found.objects, found.bytes)
    found.faults += _missing(runtime)
    return found


def _missing(runtime: Runtime) -> Iterator[Fault]:
    """Blobs that a receipt or a newest generation names and that are not there."""
    for key in runtime.store.keys("inbox"):
        receipt = _receipt(runtime, key)
        if receipt and not has_blob(runtime.store, receipt.slim):
            yield Fault(receipt.slim.key, "it is missing", _upload_again(runtime, receipt))
    for project in projects(runtime.store):
        generation = newest(runtime.store, project)
        if generation is None:
            continue
        for entry in read_catalog(runtime.store, [generation.manifest]).values():
            if not has_blob(runtime.store, entry.parquet):
                yield Fault(entry.parquet.key, "it is missing", _anew(project))
        for segment in generation.manifest.segments:
            if reason := blob_fault(runtime.store, segment.blob):
                yield Fault(segment.blob.key, reason, _anew(project))


def _receipt(runtime: Runtime, key: str) -> Receipt | None:
    try:
        return read_receipt(runtime.store, key) if parse_receipt_key(key) else None
    except StoreError:
        return None  # told already


def _remedy(key: str) -> str:
    if key.startswith("inbox/"):
        return "rlm-context sync, on the machine that uploaded it"
    return "rlm-context compile --full, which makes anew what can be made from the uploads"


def _anew(project: str) -> str:
    return f"rlm-context compile --full --project {project}"


def _upload_again(runtime: Runtime, receipt: Receipt) -> str:
    for job in runtime.spool.pending():
        if job.receipt.slim == receipt.slim:
            return "this machine's spool still holds it: rlm-context sync"
    return f"rlm-context sync, on the machine of {receipt.author} (session {receipt.session_id})"
