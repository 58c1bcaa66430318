"""JSON into our types, from any thread.

msgspec 0.22 makes what it needs to decode a type when that type is first decoded, and where several threads do that at
once, one of them reads what is half made: the process ends with a segmentation fault. Here one thread makes it, the
others wait, and it is kept.
"""

import threading
from typing import Any, TypeVar

import msgspec

_T = TypeVar("_T")
_decoders: dict[Any, Any] = {}
_making = threading.Lock()


def decode_json(data: bytes | str | msgspec.Raw, kind: type[_T]) -> _T:
    """A value of this type from one JSON document.

    Raises:
        msgspec.DecodeError: it is no JSON; as `msgspec.ValidationError`, it is not of the type.
        UnicodeDecodeError, RecursionError: it is not UTF-8, or nested too deeply.
    """
    decoder = _decoders.get(kind)
    if decoder is None:
        with _making:
            decoder = _decoders.setdefault(kind, msgspec.json.Decoder(kind))
    value: _T = decoder.decode(data)
    return value
