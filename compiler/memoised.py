"""Values in memo: JSON by msgspec, zstd. Equal values give equal bytes; what cannot be read back is a miss."""

from collections.abc import Iterable
from typing import TypeVar

import msgspec
import zstandard

from data_models.errors import PipelineError
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
        return msgspec.json.decode(raw, type=kind)
    except (zstandard.ZstdError, msgspec.MsgspecError):
        return None


def require(memo: Memo, stage: str, key: str, kind: type[T]) -> T:
    """The value under the key, which an earlier step of this compile put there.

    Raises:
        PipelineError: it is gone or damaged.
    """
    value = recall(memo, stage, key, kind)
    if value is None:
        raise PipelineError(
            f"memo/{stage}/{key} is missing or damaged",
            next_command="rlm-context compile --full",
            partial=True,
        )
    return value
