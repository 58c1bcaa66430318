"""Records to bytes and back, trusting nothing that comes back.

JSON with sorted keys, so that equal records are equal bytes; unknown fields are passed over (a minor change
of the format is readable both ways), a larger format version is refused.
"""

import re
from typing import TypeVar

import msgspec

from data_models.decoding import decode_json
from data_models.errors import DamagedError, FormatTooNewError, StoreError
from data_models.records import FORMAT_VERSION, BlobRef

_Record = TypeVar("_Record", bound=msgspec.Struct)
_ENCODER = msgspec.json.Encoder(order="sorted")
_SHA256 = re.compile(r"[0-9a-f]{64}")


MALFORMED = (msgspec.MsgspecError, UnicodeDecodeError, RecursionError)
"""What decoding JSON that others wrote may raise; the last of them where it is nested deeper than Python goes."""


class _Format(msgspec.Struct):
    format: int = FORMAT_VERSION


def encode(record: msgspec.Struct) -> bytes:
    """The record as JSON.

    Raises:
        StoreError: a text in it is not valid Unicode (a lone surrogate).
    """
    try:
        return _ENCODER.encode(record)
    except UnicodeEncodeError as error:
        raise StoreError(f"a {type(record).__name__} holds text that is not valid Unicode") from error


def decode(data: bytes | msgspec.Raw, kind: type[_Record], key: str) -> _Record:
    """A record of type `kind` from JSON; `key` names its object in errors.

    Raises:
        FormatTooNewError: a newer rlm-context wrote it.
        DamagedError: it is not such a record.
    """
    try:
        check_format(decode_json(data, _Format).format, key)
        return decode_json(data, kind)
    except MALFORMED as error:
        raise DamagedError(key, f"not a {kind.__name__}") from error


def check_format(version: int, key: str) -> None:
    """Refuse what a newer rlm-context wrote.

    Raises:
        FormatTooNewError: `version` is larger than ours.
    """
    if version > FORMAT_VERSION:
        raise FormatTooNewError(
            f"{key} has format {version}; this rlm-context reads up to {FORMAT_VERSION}",
            next_command="install the newest rlm-context, then run the same command again",
        )


def check_ref(ref: BlobRef, key: str) -> None:
    """Refuse a blob name that no blob can have; `key` names the object that holds it.

    Raises:
        DamagedError: the hash is not 64 lower-case hex digits, or the size is negative.
    """
    if not _SHA256.fullmatch(ref.sha256) or ref.size < 0:
        raise DamagedError(key, "it names an impossible blob")
