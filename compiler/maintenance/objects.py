"""Reading any object of a store and telling whether it is what its key says.

Knows every kind of key and how its bytes prove themselves; knows nothing of why an object is looked at.
"""

import hashlib
import re
from collections.abc import Callable

from data_models.errors import DamagedError, FormatTooNewError, KeyMissingError
from data_models.records import BlobRef
from store.blobs import get_blob
from store.generations import read_manifest
from store.info import read_info
from store.keys import STORE_INFO, parse_manifest_key, parse_memo_key, parse_receipt_key
from store.memo import Memo
from store.protocol import Store
from store.receipts import read_receipt

_BLOB = re.compile(r"blobs/sha256/([0-9a-f]{2})/(\1[0-9a-f]{62})")


def parse_blob_key(key: str) -> str | None:
    """The SHA-256 that a blob's key names, or None if it is no blob's key."""
    match = _BLOB.fullmatch(key)
    return match[2] if match else None


def checked(store: Store, key: str) -> bytes:
    """The bytes under a key, which are what the key says, as far as it says anything.

    Raises:
        DamagedError: they are not.
        KeyMissingError: there is nothing.
        FormatTooNewError: a newer rlm-context wrote it.
    """
    data = store.get(key)
    if sha256 := parse_blob_key(key):
        if hashlib.sha256(data).hexdigest() != sha256:
            raise DamagedError(key, "its bytes do not fit its name")
    elif parse_receipt_key(key):
        read_receipt(store, key)
    elif parse_manifest_key(key):
        read_manifest(store, key)
    elif key == STORE_INFO:
        read_info(store)
    elif (memo := parse_memo_key(key)) and Memo(store).get(*memo) is None:
        raise DamagedError(key, "its checksum is broken")
    return data


def fault(store: Store, key: str) -> str:
    """What is wrong with an object, "" if nothing is."""
    return _fault(lambda: checked(store, key))


def blob_fault(store: Store, ref: BlobRef) -> str:
    """What is wrong with a blob, "" if nothing is."""
    return _fault(lambda: get_blob(store, ref))


def _fault(read: Callable[[], object]) -> str:
    try:
        read()
    except DamagedError as error:
        return error.reason
    except KeyMissingError:
        return "it is missing"
    except FormatTooNewError:
        return "a newer rlm-context wrote it"
    return ""
