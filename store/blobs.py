"""Blobs: immutable bytes under their own SHA-256."""

import hashlib
from collections.abc import Iterable

from data_models.errors import DamagedError, KeyMissingError
from data_models.records import BlobRef
from store.codec import check_ref
from store.protocol import Store


def blob_ref(data: bytes) -> BlobRef:
    """The name of the blob with these bytes."""
    return BlobRef(hashlib.sha256(data).hexdigest(), len(data))


def put_blob(store: Store, data: bytes) -> BlobRef:
    """Store a blob, unless the store has it; its name."""
    return put_blobs(store, [data])[0]


def put_blobs(store: Store, blobs: Iterable[bytes]) -> list[BlobRef]:
    """Store several blobs in one go, those the store has left out; their names, in order."""
    named = [(blob_ref(data), data) for data in blobs]
    store.put_many({ref.key: data for ref, data in named if not has_sound_blob(store, ref)}.items())
    return [ref for ref, _ in named]


def has_blob(store: Store, ref: BlobRef) -> bool:
    """Whether a blob with this name and size is there (its content is not read)."""
    return store.size(ref.key) == ref.size


def has_sound_blob(store: Store, ref: BlobRef) -> bool:
    """As `has_blob`; where the bytes lie on this machine, they are read and must fit the name too.

    So writing again what was damaged mends it, and a remote blob is not downloaded to be left out.
    """
    if store.local_path(ref.key) is None:
        return has_blob(store, ref)
    try:
        get_blob(store, ref)
    except (DamagedError, KeyMissingError):
        return False
    return True


def get_blob(store: Store, ref: BlobRef) -> bytes:
    """The blob's bytes.

    Raises:
        KeyMissingError: the store does not hold it.
        DamagedError: size or hash do not fit its name.
    """
    check_ref(ref, "blob reference")
    data = store.get(ref.key)
    if len(data) != ref.size:
        raise DamagedError(ref.key, f"{len(data)} bytes instead of {ref.size}")
    if hashlib.sha256(data).hexdigest() != ref.sha256:
        raise DamagedError(ref.key, "its bytes do not fit its name")
    return data
