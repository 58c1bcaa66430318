"""Values in memo: JSON by msgspec, zstd. Equal values give equal bytes; what cannot be read back is a miss."""

from collections.abc import Iterable
from typing import TypeVar

import msgspec
import zstandard

from data_models.decoding import decode_json
from store.codec import MALFORMED
from store.memo import Memo

T = TypeVar("T")
_MAX_BYTES = 1 << 30
"""A value claiming to be larger once unpacked is damaged: nothing we write comes near."""


def remember(memo: Memo, stage: str, values: Iterable[tuple[str, object]]) -> None:
    """Put each value under its key; all are durable when this returns. Several at once cost little more than one."""
    memo.put_many(stage, ((key, _packed(value)) for key, value in values))


def _packed(value: object) -> bytes:
    return zstandard.compress(msgspec.json.encode(value, order="deterministic"), 3)


def recall(memo: Memo, stage: str, key: str, kind: type[T]) -> T | None:
    """The value under the key, validated against `kind`; None if there is none or it cannot be read."""
    packed = memo.get(stage, key)
    if packed is None:
        return None
    try:
        raw = zstandard.ZstdDecompressor().decompress(packed, max_output_size=_MAX_BYTES)
        return decode_json(raw, kind)
    except (zstandard.ZstdError, *MALFORMED):
        return None
