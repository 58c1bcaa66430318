"""Telling whether any object of a store is what its key says.

Knows every kind of key and how its bytes prove themselves; knows nothing of why an object is looked at.
"""

import hashlib

from data_models.errors import DamagedError, FormatTooNewError
from store.generations import parse_manifest
from store.info import parse_info
from store.keys import STORE_INFO, parse_blob_key, parse_manifest_key, parse_memo_key, parse_receipt_key
from store.memo import is_result
from store.receipts import parse_receipt


def check(key: str, data: bytes) -> None:
    """Look whether these bytes are what their key says, as far as it says anything.

    Raises:
        DamagedError: they are not.
        FormatTooNewError: a newer rlm-context wrote them.
    """
    if sha256 := parse_blob_key(key):
        if hashlib.sha256(data).hexdigest() != sha256:
            raise DamagedError(key, "its bytes do not fit its name")
    elif parse_receipt_key(key):
        parse_receipt(data, key)
    elif parse_manifest_key(key):
        parse_manifest(data, key)
    elif key == STORE_INFO:
        parse_info(data)
    elif parse_memo_key(key) and not is_result(key, data):
        raise DamagedError(key, "its checksum is broken")


def fault(key: str, data: bytes) -> str:
    """What is wrong with these bytes under this key, "" if nothing is."""
    try:
        check(key, data)
    except DamagedError as error:
        return error.reason
    except FormatTooNewError:
        return "a newer rlm-context wrote it"
    return ""
