"""`store verify`: every object is read and must be what its key says; what generations name must be there."""

import shlex
from collections.abc import Callable, Iterator

import msgspec

from compiler.maintenance.objects import fault
from compiler.runtime import Runtime
from data_models.errors import DamagedError, KeyMissingError
from data_models.records import BlobRef, Manifest, Receipt
from store.blobs import has_blob
from store.generations import parse_manifest, read_catalog
from store.info import remaking
from store.keys import STORE_INFO, decode_name, parse_blob_key, parse_manifest_key, parse_receipt_key
from store.protocol import Store
from store.receipts import parse_receipt

_MISSING = "it is missing"

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
    """Read the whole store, nothing of it from copies on this machine: a sound copy would hide damage there.

    Raises:
        StoreError: it cannot be listed or read at all.
    """
    store = runtime.store.itself
    found, look = Verified(), _Look(store)
    for key in store.keys(""):
        try:
            data = store.get(key)
        except KeyMissingError:  # removed since it was listed; `_missing` tells if something needs it
            continue
        found.objects += 1
        found.bytes += len(data)
        look.at(key, data)
        progress(found.objects, found.bytes)
    uploads = {receipt.slim.key: receipt for receipt in look.receipts}
    for key, why in look.damaged.items():
        again = _upload_again(runtime, uploads[key]) if key in uploads else _remedy(store, key)
        # A blob elsewhere that has the right size would not be written again.
        found.faults.append(Fault(key, why, again if key == STORE_INFO else f"remove it, then {again}"))
    for key, receipt in uploads.items():
        if look.lacks(receipt.slim):
            found.faults.append(Fault(key, _MISSING, _upload_again(runtime, receipt)))
    found.faults += _missing(store, look)
    return found


class _Look:
    """What was seen of a store.

    Attributes:
        damaged: keys of damaged objects, with what is wrong.
        receipts: the sound ones.
        newest: each project's manifests of the highest number.
    """

    def __init__(self, store: Store) -> None:
        self._store = store
        self._sizes: dict[str, int] = {}
        self.damaged: dict[str, str] = {}
        self.receipts: list[Receipt] = []
        self.newest: dict[str, list[Manifest]] = {}

    def at(self, key: str, data: bytes) -> None:
        """Look at one object."""
        if reason := fault(key, data):
            self.damaged[key] = reason
        elif parse_blob_key(key):
            self._sizes[key] = len(data)
        elif parse_receipt_key(key):
            self.receipts.append(parse_receipt(data, key))
        elif parse_manifest_key(key):
            manifest = parse_manifest(data, key)
            known = self.newest.get(manifest.project, [])
            if not known or known[0].number <= manifest.number:
                siblings = [one for one in known if one.number == manifest.number]
                self.newest[manifest.project] = [*siblings, manifest]

    def lacks(self, ref: BlobRef) -> bool:
        """Whether a blob is not there; one that is damaged is, and was told."""
        seen = ref.key in self.damaged or self._sizes.get(ref.key) == ref.size
        return not seen and not has_blob(self._store, ref)  # it may have come since


def _missing(store: Store, look: _Look) -> Iterator[Fault]:
    """Blobs that a newest generation names, besides uploads, and that are not there."""
    for project, manifests in look.newest.items():
        remedy = f"rlm-context compile --full --project {shlex.quote(project)}"
        named = {ref for manifest in manifests for ref in _named(store, manifest)}
        yield from (Fault(ref.key, _MISSING, remedy) for ref in sorted(named) if look.lacks(ref))


def _named(store: Store, manifest: Manifest) -> Iterator[BlobRef]:
    """What a generation names, except uploads."""
    yield from (*manifest.texts.values(), *manifest.parts)
    yield from (segment.blob for segment in manifest.segments)
    try:
        entries = read_catalog(store, [manifest]).values()
    except (DamagedError, KeyMissingError):  # a part, which is told by itself
        return
    yield from (entry.parquet for entry in entries)


def _remedy(store: Store, key: str) -> str:
    """What brings back an object that is no upload's transcript."""
    if parts := parse_receipt_key(key):
        author, session = decode_name(parts.author), decode_name(parts.session)
        return _from_source(author or parts.author, session or parts.session)
    if key == STORE_INFO:
        return remaking(store.url)
    return "rlm-context compile --full, which makes anew what can be made from the uploads"


def _upload_again(runtime: Runtime, receipt: Receipt) -> str:
    for job in runtime.spool.pending():
        if job.receipt.slim == receipt.slim:
            return "rlm-context sync: this machine's spool still holds it"
    return _from_source(receipt.author, receipt.session_id)


def _from_source(author: str, session_id: str) -> str:
    return (
        f"rlm-context compile --full --source FOLDER, where the agent of {author} keeps session {session_id}"
    )
